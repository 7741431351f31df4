-- A row that goes to another tenant takes its location along by the foreign key. It leaves its objects behind, so it may not go while one of them is
-- the only holder of its content; else the location becomes a version.
CREATE OR ALTER TRIGGER {moved_trigger} ON {location} AFTER UPDATE AS
BEGIN
    SET NOCOUNT ON;
    IF EXISTS (SELECT 1 FROM inserted AS i WHERE i.owner <> {owner_literal} AND i.sole = 1 AND i.length > 0)
    BEGIN;
        THROW 50003, N'sluss: the content of this document lies in the object store of its tenant only: bring it back to sql before the row changes its tenant', 1;
    END;
    DELETE l FROM {location} AS l JOIN inserted AS i ON i.id = l.id WHERE l.owner <> {owner_literal};
END
