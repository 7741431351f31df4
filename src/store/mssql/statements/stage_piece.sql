-- Appends at the end (offset NULL). The length so far is a condition, so that a piece that comes twice is refused the second time; an attempt
-- that was given up takes no more.
SET NOCOUNT ON;
UPDATE sluss.staging SET bytes.WRITE(@piece, NULL, 0), touched_at = @now
WHERE attempt = @attempt AND finished = 0 AND DATALENGTH(bytes) = @so_far;
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
