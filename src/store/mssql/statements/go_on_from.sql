-- A database that was put back goes on from the tick that it had come to, in an epoch of its own. Neither ever falls. Leases are void.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @epoch_now bigint, @tick_now bigint;
BEGIN TRANSACTION;
SELECT @epoch_now = s.epoch FROM sluss.state AS s WITH (UPDLOCK, ROWLOCK) WHERE s.tenant = @tenant;
SELECT @tick_now = t.tick FROM sluss.tick AS t WITH (UPDLOCK, ROWLOCK) WHERE t.tenant = @tenant;
IF @epoch_now IS NULL OR @tick_now IS NULL BEGIN ROLLBACK TRANSACTION; SELECT 'no state' AS outcome; RETURN; END;
IF @epoch_now >= @epoch AND @tick_now >= @number BEGIN ROLLBACK TRANSACTION; SELECT 'as far' AS outcome; RETURN; END;
UPDATE sluss.state SET epoch = CASE WHEN epoch < @epoch THEN @epoch ELSE epoch END WHERE tenant = @tenant;
UPDATE sluss.tick SET tick = CASE WHEN tick < @number THEN @number ELSE tick END,
    epoch_at = CASE WHEN tick < @number THEN @number ELSE tick END, at = @now
WHERE tenant = @tenant;
-- What ended since the database was put back bears the tick that stood still, and is not as old as that.
UPDATE sluss.version SET tick = CASE WHEN tick < @number THEN @number ELSE tick END WHERE tenant = @tenant AND tick >= @tick_now;
UPDATE sluss.job SET state = 'ready', owner = NULL, token = NULL, due_at = @now WHERE tenant = @tenant AND state = 'leased';
COMMIT TRANSACTION;
SELECT 'gone on' AS outcome;
