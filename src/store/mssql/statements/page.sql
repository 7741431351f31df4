-- One page in the order of the primary key; of each row, all as of one instant.
{find_id}
{check_after}SELECT TOP (@limit) {columns}
FROM sluss.state AS s WITH (REPEATABLEREAD)
JOIN {document} AS d WITH (REPEATABLEREAD) ON {after}{mine}
{beside}
WHERE s.tenant = @tenant
ORDER BY d.{id}
OPTION (FORCE ORDER);
