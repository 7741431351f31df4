-- A page counts only where the count has come to, and only as long as none of its rows has changed since it was read: revisions only rise, so
-- equal sums and equal numbers mean the same rows. The locks are held to the end; no commit can come between them and the count.
SET NOCOUNT ON; SET XACT_ABORT ON;
{find_id}
{find_last}
DECLARE @rows_now bigint, @sum_now decimal(38, 0), @located_sum_now decimal(38, 0);
BEGIN TRANSACTION;
SELECT @rows_now = COUNT_BIG(*), @sum_now = ISNULL(SUM(CAST(CAST({revision} AS bigint) AS decimal(38, 0))), 0),
    @located_sum_now = ISNULL(SUM(CAST(CAST(l.rv AS bigint) AS decimal(38, 0))), 0)
FROM {document} AS d WITH (REPEATABLEREAD)
{revision_join}
LEFT JOIN {location} AS l WITH (REPEATABLEREAD) ON l.id = d.{id}
WHERE {after}{up_to}{mine};
IF @strictly = 1 AND (@rows_now <> @rows OR @sum_now <> CAST(@sum AS decimal(38, 0)) OR @located_sum_now <> CAST(@located_sum AS decimal(38, 0)))
BEGIN ROLLBACK TRANSACTION; SELECT 'raced' AS outcome; RETURN; END;
