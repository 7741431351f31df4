-- The foreign key's cascade removes the location of a row that is deleted straight in SQL, and our trigger turns it into a version; a changed
-- id takes its location along. All of it under the SET options of an old program: error 1934 must not come, so nothing that our triggers write
-- to may have a filtered index, an indexed view or an index on a computed column.

-- A:
INSERT INTO dbo.documents (id, title) VALUES (1, N'a'), (2, N'b'), (3, N'c');
INSERT INTO sluss.[location/acme/documents] (id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, held_from)
SELECT d.id, 'local', CONCAT('00000000-0000-7000-8000-00000000000', d.id), CONCAT('o-', d.id), 1, 1, 0, 0x00, 0x, CAST(d.rv AS bigint), 1, 0
FROM dbo.documents AS d;

-- B:
SET QUOTED_IDENTIFIER OFF;
SET ANSI_NULLS OFF;
SET ANSI_PADDING OFF;
SET ANSI_WARNINGS OFF;
SET ARITHABORT OFF;
SET CONCAT_NULL_YIELDS_NULL OFF;
SET NUMERIC_ROUNDABORT ON;

-- B:
DELETE FROM dbo.documents WHERE id = 1;

-- A expects: 2; 3
SELECT l.id FROM sluss.[location/acme/documents] AS l ORDER BY l.id;

-- A expects: acme | documents | 1 | o-1
SELECT v.tenant, v.collection, v.document, v.stamp FROM sluss.version AS v;

-- B:
UPDATE dbo.documents SET id = 4 WHERE id = 2;

-- A expects: 3 | o-3; 4 | o-2
SELECT l.id, l.stamp FROM sluss.[location/acme/documents] AS l ORDER BY l.id;

-- An id that is used again starts clean.
-- B:
BEGIN TRANSACTION;
DELETE FROM dbo.documents WHERE id = 3;
INSERT INTO dbo.documents (id, title) VALUES (3, N'another');
COMMIT TRANSACTION;

-- A expects: 4
SELECT l.id FROM sluss.[location/acme/documents] AS l ORDER BY l.id;

-- A expects: 2
SELECT COUNT_BIG(*) FROM sluss.version;

-- What is rolled back leaves the location where it was.
-- B:
BEGIN TRANSACTION;
DELETE FROM dbo.documents WHERE id = 4;
ROLLBACK TRANSACTION;

-- A expects: 4
SELECT l.id FROM sluss.[location/acme/documents] AS l ORDER BY l.id;
