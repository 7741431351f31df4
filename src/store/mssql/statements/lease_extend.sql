SET NOCOUNT ON;
UPDATE sluss.job SET due_at = @now + @lease WHERE id = @job AND token = @token AND state = 'leased';
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
