-- One document, its location and the tenant's state as of one instant: shared locks are held to the statement's end, the document's
-- first, with and without READ_COMMITTED_SNAPSHOT. Seen at two instants, a write between them would look like a cleared document.
{find_id}
SELECT {columns}
FROM sluss.state AS s WITH (REPEATABLEREAD)
LEFT JOIN {document} AS d WITH (REPEATABLEREAD) ON d.{id} = @id{mine}
{beside}
WHERE s.tenant = @tenant
OPTION (FORCE ORDER);
