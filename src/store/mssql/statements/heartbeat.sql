SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION;
UPDATE sluss.process WITH (UPDLOCK, SERIALIZABLE) SET seen_at = @seen_at, works = @works WHERE name = @name;
IF @@ROWCOUNT = 0
    INSERT INTO sluss.process (name, role, version, started_at, seen_at, works) VALUES (@name, @role, @version, @started_at, @seen_at, @works);
DELETE FROM sluss.process WHERE seen_at < @forget;
COMMIT TRANSACTION;
SELECT 'done' AS outcome;
