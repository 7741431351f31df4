-- One backup at a time, as long as it has a job: behind a run that removes objects, which the next one must not take for there. A run whose job
-- is gone, or was given up, has failed by that.
DECLARE @number bigint;
IF EXISTS (SELECT 1 FROM sluss.job AS j WITH (UPDLOCK, SERIALIZABLE) WHERE j.tenant = @tenant AND j.kind = @kind AND j.state <> 'quarantined')
BEGIN ROLLBACK TRANSACTION; SELECT 'under way' AS outcome; RETURN; END;
UPDATE sluss.backup_run SET state = 'failed', ended_at = @now, reason = ISNULL(reason, N'its job was given up')
WHERE tenant = @tenant AND state = 'running';
SELECT @number = 1 + ISNULL(MAX(r.number), 0) FROM sluss.backup_run AS r WITH (UPDLOCK, SERIALIZABLE) WHERE r.tenant = @tenant;
INSERT INTO sluss.backup_run (tenant, number, state, instant, documents, bytes, only_in_sql, left_out, objects_copied, bytes_copied)
VALUES (@tenant, @number, 'running', @now, 0, 0, 0, 0, 0, 0);
UPDATE sluss.job WITH (UPDLOCK, SERIALIZABLE)
SET priority = @job_priority, failures = 0, state = 'ready', owner = NULL, token = NULL, progress = NULL, due_at = @now
WHERE tenant = @tenant AND kind = @kind AND collection = '' AND document = N'';
IF @@ROWCOUNT = 0
    INSERT INTO sluss.job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
    VALUES (@tenant, @kind, '', N'', 'ready', @job_priority, @now, 0, @now);
