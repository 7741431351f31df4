-- A piece of the content of exactly one revision: no row where the document has moved on. One statement, one lock, gone with it.
{find_id}
SELECT SUBSTRING({content_bytes}, @offset + 1, @length)
FROM {document} AS d WITH (REPEATABLEREAD)
{revision_join}
WHERE d.{id} = @id{mine} AND {revision} = CAST(@revision AS binary(8)) AND d.{content} IS NOT NULL;
