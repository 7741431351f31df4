-- A final transaction reads the location after it has locked the document's row, in a statement of its own: so it sees the newest one, also with
-- READ_COMMITTED_SNAPSHOT, under which a sub-query of a statement that had to wait would show what was there when that statement began.

-- A:
INSERT INTO dbo.documents (id, title) VALUES (1, N'a');
INSERT INTO sluss.[location/acme/documents] (id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, held_from)
SELECT 1, 'local', '00000000-0000-7000-8000-000000000001', 'o-old', 1, 1, 0, 0x00, 0x, CAST(d.rv AS bigint), 1, 0 FROM dbo.documents AS d WHERE d.id = 1;

-- A:
BEGIN TRANSACTION;
UPDATE dbo.documents SET title = N'b' WHERE id = 1;
UPDATE sluss.[location/acme/documents] SET stamp = 'o-new' WHERE id = 1;

-- B blocked:
BEGIN TRANSACTION;
DECLARE @title nvarchar(100), @stamp varchar(64);
SELECT @title = d.title FROM dbo.documents AS d WITH (UPDLOCK, ROWLOCK) WHERE d.id = 1;
SELECT @stamp = l.stamp FROM sluss.[location/acme/documents] AS l WITH (UPDLOCK, ROWLOCK) WHERE l.id = 1;
COMMIT TRANSACTION;
SELECT @title, @stamp;

-- A:
COMMIT TRANSACTION;

-- B comes: b | o-new
