-- What has a revision above the watermark, in the order of revisions. A transaction that is still open has revisions at or above
-- MIN_ACTIVE_ROWVERSION(): what it writes comes with a later call, and is never passed over.
DECLARE @ceiling binary(8) = MIN_ACTIVE_ROWVERSION();
DECLARE @watermark bigint = ISNULL((SELECT MAX(w.revision) FROM sluss.watermark AS w WHERE w.tenant = @tenant AND w.collection = @collection), 0);
SELECT TOP (@limit) {columns}
FROM sluss.state AS s WITH (REPEATABLEREAD)
{changed}
{beside_changed}
WHERE s.tenant = @tenant AND {revision} > CAST(@watermark AS binary(8)) AND {revision} < @ceiling{mine}
ORDER BY {revision};
