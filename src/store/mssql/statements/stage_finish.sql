SET NOCOUNT ON;
UPDATE sluss.staging SET finished = 1, length = @length, sha256 = @sha256, touched_at = @now
WHERE attempt = @attempt;
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
