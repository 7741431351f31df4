-- The name is given once, however many ask for it first.
SET NOCOUNT ON; SET XACT_ABORT ON;
IF NOT EXISTS (SELECT 1 FROM sluss.installation AS i)
BEGIN
    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM sluss.installation AS i WITH (UPDLOCK, HOLDLOCK)) INSERT INTO sluss.installation (one, name) VALUES (1, @fresh);
    COMMIT TRANSACTION;
END;
SELECT i.name FROM sluss.installation AS i;
