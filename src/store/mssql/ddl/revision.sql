-- The customer's table has no rowversion: its rows' revisions stand here, and a trigger raises them. Every update raises `rv`, also one of `raised`
-- to itself.
IF OBJECT_ID({revision_literal}, N'U') IS NULL
CREATE TABLE {revisions} (
    {owner_definition}id {id_definition} NOT NULL,
    raised bit NOT NULL,
    rv rowversion NOT NULL,
    CONSTRAINT {revision_key} PRIMARY KEY {clustering} (id){revision_foreign_key}
);
ALTER TABLE {revisions} SET (LOCK_ESCALATION = DISABLE);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID({revision_literal}) AND i.name = N'revision_changed')
CREATE INDEX revision_changed ON {revisions} (rv);
