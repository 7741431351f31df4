-- Raises the revision of every row that changes, whoever changes it. It answers nothing and has no result set. Programs that use OUTPUT without
-- INTO on this table (some object mappers do) have to be told that it has a trigger: error 334.
CREATE OR ALTER TRIGGER {revision_trigger} ON {document} AFTER INSERT, UPDATE, DELETE AS
BEGIN
    SET NOCOUNT ON;
    DELETE r FROM {revisions} AS r JOIN deleted AS x ON x.{id} = r.id{deleted_mine}
    WHERE NOT EXISTS (SELECT 1 FROM inserted AS i WHERE i.{id} = r.id{inserted_mine});
    UPDATE r SET raised = 1 FROM {revisions} AS r JOIN inserted AS i ON i.{id} = r.id{inserted_mine};
    INSERT INTO {revisions} ({owner_column}id, raised)
    SELECT {owner_value}i.{id}, 0 FROM inserted AS i WHERE NOT EXISTS (SELECT 1 FROM {revisions} AS r WITH (UPDLOCK, SERIALIZABLE) WHERE r.id = i.{id}){inserted_mine};
END
