-- What databases of schema version 3 lack: when the youngest version ended that was given up.
IF COL_LENGTH(N'sluss.tick', N'expired_to') IS NULL
ALTER TABLE sluss.tick ADD expired_to bigint NULL;
