-- A walk that is under way starts over, because what it has passed already was judged by other rules. Its agent finds the lease lost.
UPDATE sluss.job WITH (UPDLOCK, SERIALIZABLE)
SET priority = CASE WHEN priority < @job_priority THEN @job_priority ELSE priority END,
    failures = CASE WHEN state = 'quarantined' THEN 0 ELSE failures END,
    state = 'ready', owner = NULL, token = NULL, progress = NULL, due_at = @now
WHERE tenant = @tenant AND kind = @kind AND document = N'' AND CHARINDEX(',' + collection + ',', @collections) > 0;
INSERT INTO sluss.job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
SELECT @tenant, @kind, w.collection, N'', 'ready', @job_priority, @now, 0, @now
FROM sluss.watermark AS w
WHERE w.tenant = @tenant AND CHARINDEX(',' + w.collection + ',', @collections) > 0 AND NOT EXISTS (
    SELECT 1 FROM sluss.job AS j WITH (UPDLOCK, SERIALIZABLE)
    WHERE j.tenant = @tenant AND j.kind = @kind AND j.collection = w.collection AND j.document = N''
);
