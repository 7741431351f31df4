SET NOCOUNT ON;
UPDATE sluss.job SET state = 'ready', due_at = @now, failures = 0
WHERE tenant = @tenant AND state = 'quarantined' AND (@kind IS NULL OR kind = @kind);
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
