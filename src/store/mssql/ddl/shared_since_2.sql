-- What databases of schema version 2 lack. `exact`: a client wrote the content at `held_from`; otherwise a copy found it then. `hidden_at`: since
-- when the document was marked as deleted when it ended. Columns that take NULL are added without a row being written, and what older versions do
-- not say is taken for not known.
IF COL_LENGTH(N'sluss.version', N'exact') IS NULL
ALTER TABLE sluss.version ADD exact bit NULL, hidden_at bigint NULL;
