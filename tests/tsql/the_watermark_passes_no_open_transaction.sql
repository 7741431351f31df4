-- MIN_ACTIVE_ROWVERSION(): a revision that was given out in a transaction that is still open is never below the ceiling of changes.sql, and
-- neither is one that was given out after it. So the watermark cannot pass over what is not visible yet.

-- A:
INSERT INTO dbo.documents (id, title) VALUES (1, N'a'), (2, N'b');

-- Its revision is given out here, before B's.
-- A:
BEGIN TRANSACTION;
UPDATE dbo.documents SET title = N'open' WHERE id = 1;

-- B:
UPDATE dbo.documents SET title = N'committed' WHERE id = 2;

-- B expects: not yet
SELECT CASE WHEN d.rv < MIN_ACTIVE_ROWVERSION() THEN 'passed' ELSE 'not yet' END FROM dbo.documents AS d WHERE d.id = 2;

-- A:
COMMIT TRANSACTION;

-- B expects: 1 | open; 2 | committed
SELECT d.id, d.title FROM dbo.documents AS d WHERE d.rv < MIN_ACTIVE_ROWVERSION() ORDER BY d.id;

-- One that is rolled back gives its revisions to nobody.
-- A:
BEGIN TRANSACTION;
UPDATE dbo.documents SET title = N'undone' WHERE id = 1;
ROLLBACK TRANSACTION;

-- B expects: 2
SELECT COUNT_BIG(*) FROM dbo.documents AS d WHERE d.rv < MIN_ACTIVE_ROWVERSION();
