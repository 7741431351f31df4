-- One at a time: its number is the tenant's next. Nobody else begins one until the end, because the range of the tenant's rows is locked.
-- One whose job an operator has given up, or nobody has any more, will not go on.
UPDATE sluss.restore_run SET ended_at = @now, stopped = N'its job was given up'
WHERE tenant = @tenant AND ended_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM sluss.job AS j
    WHERE j.tenant = @tenant AND j.kind = @kind AND j.collection = sluss.restore_run.collection AND j.state <> 'quarantined'
);
DECLARE @number bigint, @open bigint;
SELECT @number = 1 + ISNULL(MAX(r.number), 0), @open = ISNULL(SUM(CASE WHEN r.ended_at IS NULL THEN CAST(1 AS bigint) ELSE 0 END), 0)
FROM sluss.restore_run AS r WITH (UPDLOCK, SERIALIZABLE) WHERE r.tenant = @tenant;
IF @open > 0 BEGIN ROLLBACK TRANSACTION; SELECT 'under way' AS outcome, CAST(0 AS bigint) AS number; RETURN; END;
INSERT INTO sluss.restore_run (tenant, number, collection, instant, document, target, started_at, figures)
SELECT @tenant, @number, w.collection, @instant, @document, @target, @now, @figures
FROM sluss.watermark AS w WHERE w.tenant = @tenant AND CHARINDEX(',' + w.collection + ',', @collections) > 0;
