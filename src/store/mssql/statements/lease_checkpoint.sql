SET NOCOUNT ON;
UPDATE sluss.job SET progress = @checkpoint WHERE id = @job AND token = @token AND state = 'leased';
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
