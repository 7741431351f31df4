-- @@DBTS: the last revision that was given out. What is changed later counts from its own change on.
DECLARE @epoch bigint, @number bigint;
SELECT @epoch = s.epoch FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = @tenant;
IF @epoch IS NULL BEGIN ROLLBACK TRANSACTION; SELECT 'no state' AS outcome, CAST(0 AS bigint) AS number; RETURN; END;
IF @background = 1 AND EXISTS (SELECT 1 FROM sluss.job AS j WITH (UPDLOCK, SERIALIZABLE) WHERE j.tenant = @tenant AND j.kind = @kind AND j.state <> 'quarantined')
BEGIN ROLLBACK TRANSACTION; SELECT 'under way' AS outcome, CAST(0 AS bigint) AS number; RETURN; END;
SELECT @number = 1 + ISNULL(MAX(v.number), 0) FROM sluss.verification AS v WITH (UPDLOCK, SERIALIZABLE) WHERE v.tenant = @tenant;
DELETE FROM sluss.verification WHERE tenant = @tenant AND ended_at IS NULL;
INSERT INTO sluss.verification (tenant, collection, number, repair, background, started_at, epoch, revision,
    documents, bytes, verified, unlocated, moved, different, failed, objects)
SELECT @tenant, w.collection, @number, @repair, @background, @now, @epoch, CAST(@@DBTS AS bigint), 0, 0, 0, 0, 0, 0, 0, 0
FROM sluss.watermark AS w WHERE w.tenant = @tenant AND CHARINDEX(',' + w.collection + ',', @collections) > 0;
