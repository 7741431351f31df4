-- Versions past their time go, with what is staged of them, and their objects are condemned. A version from before ticks were written down grows
-- old from now on. An object that something else names stays: it is looked for in the order in which a name moves, as in `is_named`.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @epoch bigint, @tick bigint, @versions bigint, @bytes bigint, @expired_to bigint;
DECLARE @gone TABLE (
    placement varchar(63) COLLATE Latin1_General_100_BIN2 NULL,
    object varchar(36) COLLATE Latin1_General_100_BIN2 NULL,
    attempt varchar(36) COLLATE Latin1_General_100_BIN2 NULL,
    bytes bigint NOT NULL,
    held_to bigint NOT NULL
);
BEGIN TRANSACTION;
SELECT @epoch = s.epoch FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = @tenant;
SELECT @tick = t.tick FROM sluss.tick AS t WITH (READCOMMITTEDLOCK) WHERE t.tenant = @tenant;
IF @epoch IS NULL OR @tick IS NULL BEGIN ROLLBACK TRANSACTION; SELECT 'no state' AS outcome; RETURN; END;
UPDATE TOP (@limit) sluss.version SET tick = @tick WHERE tenant = @tenant AND tick IS NULL;
DELETE TOP (@limit) FROM sluss.version OUTPUT deleted.placement, deleted.object, deleted.attempt, deleted.stored_length, deleted.held_to
INTO @gone (placement, object, attempt, bytes, held_to)
WHERE tenant = @tenant AND tick <= @tick - @older_than AND NOT EXISTS (
    -- A manifest that is kept, or is being made, names what held at its instant.
    SELECT 1 FROM sluss.backup_run AS r WITH (READCOMMITTEDLOCK) WHERE r.tenant = @tenant AND r.state IN ('kept', 'running')
        AND r.instant >= held_from AND r.instant < held_to
) AND NOT EXISTS (
    -- A restore that is under way may ask for it.
    SELECT 1 FROM sluss.restore_run AS u WITH (READCOMMITTEDLOCK) WHERE u.tenant = @tenant AND u.ended_at IS NULL AND u.instant < held_to
);
SELECT @versions = COUNT_BIG(*), @bytes = ISNULL(SUM(x.bytes), 0), @expired_to = MAX(x.held_to) FROM @gone AS x;
DELETE g FROM sluss.staging AS g JOIN @gone AS x ON x.attempt = g.attempt;
DELETE FROM @gone WHERE object IS NULL;
{named}INSERT INTO sluss.upload (object, tenant, placement, purpose, epoch, state, changed_at)
SELECT x.object, @tenant, MIN(x.placement), 'expired', @epoch, 'condemned', @now FROM @gone AS x GROUP BY x.object;
-- Uploads of older epochs: nobody can publish them, and a database that is put back once more may still name their objects.
UPDATE TOP (@limit) sluss.upload SET state = 'condemned', changed_at = @now
WHERE tenant = @tenant AND state = 'open' AND epoch <> @epoch
    AND EXISTS (SELECT 1 FROM sluss.tick AS t WITH (READCOMMITTEDLOCK) WHERE t.tenant = @tenant AND t.epoch_at <= t.tick - @older_than);
-- A clock that was ahead has noted a time to come. Last, because triggers wait for this row.
IF @expired_to > @now SET @expired_to = @now;
UPDATE sluss.tick SET expired_to = @expired_to WHERE tenant = @tenant AND ISNULL(expired_to, 0) < @expired_to;
COMMIT TRANSACTION;
SELECT 'done' AS outcome, @versions AS versions, @bytes AS bytes;
