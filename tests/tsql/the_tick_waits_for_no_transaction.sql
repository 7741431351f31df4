-- A program that deletes a row and stays in its transaction, however isolated, does not stop the tick: our trigger's lock on it is gone with the
-- statement. And the version that comes of it bears the tick of its own moment, not of the transaction's beginning.

-- A:
INSERT INTO dbo.documents (id, title) VALUES (1, N'a'), (2, N'b');
INSERT INTO sluss.[location/acme/documents] (id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, held_from)
SELECT d.id, 'local', CONCAT('00000000-0000-7000-8000-00000000000', d.id), CONCAT('o-', d.id), 1, 1, 0, 0x00, 0x, CAST(d.rv AS bigint), 1, 0
FROM dbo.documents AS d;

-- A:
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;

-- A:
BEGIN TRANSACTION;
DELETE FROM dbo.documents WHERE id = 1;

-- B expects: 1
UPDATE sluss.tick SET tick = tick + 1 WHERE tenant = 'acme';
SELECT t.tick FROM sluss.tick AS t WHERE t.tenant = 'acme';

-- A:
DELETE FROM dbo.documents WHERE id = 2;
COMMIT TRANSACTION;

-- A expects: o-1 | 0; o-2 | 1
SELECT v.stamp, v.tick FROM sluss.version AS v ORDER BY v.stamp;
