-- The work that this change calls for: a job that is open keeps the higher priority, and one in quarantine gets another chance.
UPDATE sluss.job WITH (UPDLOCK, SERIALIZABLE)
SET priority = CASE WHEN priority < @job_priority THEN @job_priority ELSE priority END,
    due_at = CASE WHEN state = 'quarantined' THEN @now ELSE due_at END,
    failures = CASE WHEN state = 'quarantined' THEN 0 ELSE failures END,
    state = CASE WHEN state = 'quarantined' THEN 'ready' ELSE state END
WHERE tenant = @tenant AND kind = '{kind}' AND collection = @collection AND document = @spelled;
IF @@ROWCOUNT = 0
    INSERT INTO sluss.job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
    VALUES (@tenant, '{kind}', @collection, @spelled, 'ready', @job_priority, @now, 0, @now);
