SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION;
UPDATE sluss.operator WITH (UPDLOCK, SERIALIZABLE) SET last_seen = @now WHERE name = @name;
IF @@ROWCOUNT = 0 INSERT INTO sluss.operator (name, first_seen, last_seen) VALUES (@name, @now, @now);
COMMIT TRANSACTION;
SELECT 'done' AS outcome;
