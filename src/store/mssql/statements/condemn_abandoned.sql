-- What was abandoned is condemned before its object is removed; attempts in staging that nobody can commit any more go in small portions, so that
-- no table lock comes of it. What is kept there is a version's. Uploads of other epochs wait for `expire`: a restore may name their objects.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @epoch bigint, @before bigint = @now - @age;
BEGIN TRANSACTION;
SELECT @epoch = s.epoch FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = @tenant;
IF @epoch IS NULL BEGIN ROLLBACK TRANSACTION; SELECT 'no state' AS outcome; RETURN; END;
DELETE TOP (@limit) FROM sluss.staging WHERE tenant = @tenant AND kept = 0 AND (touched_at < @before OR epoch <> @epoch);
UPDATE TOP (@limit) sluss.upload SET state = 'condemned', changed_at = @now
WHERE tenant = @tenant AND state = 'open' AND changed_at < @before AND epoch = @epoch;
COMMIT TRANSACTION;
SELECT 'done' AS outcome;
