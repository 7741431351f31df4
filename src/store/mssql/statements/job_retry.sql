SET NOCOUNT ON;
UPDATE sluss.job SET state = 'ready', due_at = @now, failures = 0
WHERE id = @job AND tenant = @tenant AND state = 'quarantined';
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
