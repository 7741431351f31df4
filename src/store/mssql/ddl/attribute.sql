-- What the customer's table has no column for.
IF OBJECT_ID({attribute_literal}, N'U') IS NULL
CREATE TABLE {attribute} (
    {owner_definition}id {id_definition} NOT NULL,
    media_type nvarchar(4000) NULL,
    file_name nvarchar(4000) NULL,
    CONSTRAINT {attribute_key} PRIMARY KEY {clustering} (id){attribute_foreign_key}
);
ALTER TABLE {attribute} SET (LOCK_ESCALATION = DISABLE);
