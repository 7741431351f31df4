-- What databases of schema version 1 lack. A batch that names a column before it is there does not compile, so nothing here does but to add it.
-- Columns that take NULL are added without a row being written. `tick` is NULL for versions from before: they grow old from the first time that
-- the collector sees them.
IF COL_LENGTH(N'sluss.version', N'media_type') IS NULL
ALTER TABLE sluss.version ADD media_type nvarchar(4000) NULL, file_name nvarchar(4000) NULL;
IF COL_LENGTH(N'sluss.version', N'attempt') IS NULL
ALTER TABLE sluss.version ADD attempt varchar(36) COLLATE Latin1_General_100_BIN2 NULL, tick bigint NULL;
IF COL_LENGTH(N'sluss.staging', N'kept') IS NULL
ALTER TABLE sluss.staging ADD kept bit NOT NULL CONSTRAINT staging_kept DEFAULT 0;
DROP INDEX IF EXISTS version_document ON sluss.version;
