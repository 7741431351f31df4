-- On columns that older databases get first. The collector asks for the oldest versions, the figures for all; agents for one by its attempt.
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.version') AND i.name = N'version_tick')
CREATE INDEX version_tick ON sluss.version (tenant, tick) INCLUDE (stored_length, attempt);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.version') AND i.name = N'version_attempt')
CREATE INDEX version_attempt ON sluss.version (attempt);
