-- A row that goes to another tenant takes its attributes along by the foreign key; they are not ours any more.
CREATE OR ALTER TRIGGER {attribute_moved_trigger} ON {attribute} AFTER UPDATE AS
BEGIN
    SET NOCOUNT ON;
    DELETE a FROM {attribute} AS a JOIN inserted AS i ON i.id = a.id WHERE a.owner <> {owner_literal};
END
