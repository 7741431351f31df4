-- What databases of schema version 2 lack. `exact`: a client wrote the content at `held_from`; otherwise a copy found it then. A column that takes
-- NULL is added without a row being written, and what older versions do not say is taken for not known.
IF COL_LENGTH(N'sluss.version', N'exact') IS NULL
ALTER TABLE sluss.version ADD exact bit NULL;
