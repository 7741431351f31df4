SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION;
UPDATE sluss.job WITH (UPDLOCK, SERIALIZABLE)
SET priority = CASE WHEN priority < @job_priority THEN @job_priority ELSE priority END,
    due_at = CASE WHEN @anew = 1 AND state = 'quarantined' THEN @now ELSE due_at END,
    failures = CASE WHEN @anew = 1 AND state = 'quarantined' THEN 0 ELSE failures END,
    state = CASE WHEN @anew = 1 AND state = 'quarantined' THEN 'ready' ELSE state END
WHERE tenant = @tenant AND kind = @kind AND collection = @collection AND document = @document;
IF @@ROWCOUNT = 0
    INSERT INTO sluss.job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
    VALUES (@tenant, @kind, @collection, @document, 'ready', @job_priority, @now, 0, @now);
COMMIT TRANSACTION;
SELECT 'done' AS outcome;
