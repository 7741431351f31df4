SET NOCOUNT ON;
UPDATE sluss.job SET state = @to, owner = NULL, token = NULL, due_at = @now + @wait, failures = @failures, reason = ISNULL(@reason, reason)
WHERE id = @job AND token = @token AND state = 'leased';
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
