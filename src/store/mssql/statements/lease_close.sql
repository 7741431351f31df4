SET NOCOUNT ON;
DELETE FROM sluss.job WHERE id = @job AND token = @token AND state = 'leased';
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
