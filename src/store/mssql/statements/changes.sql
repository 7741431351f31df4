-- What has a revision above the watermark, in the order of revisions. A transaction that is still open has revisions at or above
-- MIN_ACTIVE_ROWVERSION(): what it writes comes with a later call, and is never passed over. The candidates are looked for under short locks,
-- so that without an index on the revision a walk along the whole table holds no more than one row at a time.
DECLARE @ceiling binary(8) = MIN_ACTIVE_ROWVERSION();
DECLARE @watermark bigint = ISNULL((SELECT MAX(w.revision) FROM sluss.watermark AS w WHERE w.tenant = @tenant AND w.collection = @collection), 0);
SELECT {columns}
FROM sluss.state AS s WITH (REPEATABLEREAD)
JOIN ({changed}) AS c ON 1 = 1
JOIN {document} AS d WITH (REPEATABLEREAD) ON d.{id} = c.id{mine}
{beside}
WHERE s.tenant = @tenant AND {revision} > CAST(@watermark AS binary(8)) AND {revision} < @ceiling
ORDER BY {revision}
OPTION (FORCE ORDER);
