-- A look-up sees a document and its location as of one instant: never the row before a change and the location after it, or the other way round.
-- Seen at two instants, content that moves to the object store would look like a document without content.
-- In tests/tsql.rs: `-- A:` runs, `-- A expects: x` compares the last result set, `-- A blocked:` has no answer within two seconds, and
-- `-- A comes: x` is the answer of what was blocked. The tables are those that `sluss init` prepares for tenant "acme".

-- A:
INSERT INTO dbo.documents (id, title, content) VALUES (1, N'a', 0x01), (2, N'b', 0x02);

-- The writer is first: content leaves the row and a location names the object, in one transaction that is not over yet.
-- A:
BEGIN TRANSACTION;
UPDATE dbo.documents SET content = NULL WHERE id = 1;
INSERT INTO sluss.[location/acme/documents] (id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, held_from)
SELECT 1, 'local', '00000000-0000-7000-8000-000000000001', 'o-1', 1, 1, 0, 0x00, 0x, CAST(d.rv AS bigint), 1, 0 FROM dbo.documents AS d WHERE d.id = 1;

-- The look-up of look_up.sql. With READ_COMMITTED_SNAPSHOT it must wait as well, because the hint asks for locks.
-- B blocked:
SELECT d.id, CASE WHEN d.content IS NULL THEN 'NULL' ELSE 'content' END, CASE WHEN l.id IS NULL THEN 'none' ELSE 'sole' END
FROM sluss.state AS s WITH (REPEATABLEREAD)
LEFT JOIN dbo.documents AS d WITH (REPEATABLEREAD) ON d.id = 1
LEFT JOIN sluss.[location/acme/documents] AS l WITH (REPEATABLEREAD) ON l.id = d.id
WHERE s.tenant = 'acme'
OPTION (FORCE ORDER);

-- A:
COMMIT TRANSACTION;

-- B comes: 1 | NULL | sole

-- The reader is first: a statement that has read the document holds its lock until it has read the location. The transaction here
-- stands for the statement, which nobody can stop half way.
-- B expects: content
BEGIN TRANSACTION;
SELECT CASE WHEN d.content IS NULL THEN 'NULL' ELSE 'content' END FROM dbo.documents AS d WITH (REPEATABLEREAD) WHERE d.id = 2;

-- A blocked:
UPDATE dbo.documents SET content = NULL WHERE id = 2;

-- B expects: nothing
SELECT l.sole FROM sluss.[location/acme/documents] AS l WITH (REPEATABLEREAD) WHERE l.id = 2;

-- B:
COMMIT TRANSACTION;

-- A comes: nothing
