-- The update lock on the document's row holds a second final transaction up, and a customer's own change, until the first is over; then the second sees
-- the row as the first has left it. Other documents wait for nothing.

-- A:
INSERT INTO dbo.documents (id, title, content) VALUES (1, N'before', 0x01), (2, N'other', 0x02);

-- A:
BEGIN TRANSACTION;
DECLARE @row bigint;
SELECT @row = CAST(d.rv AS bigint) FROM dbo.documents AS d WITH (UPDLOCK, ROWLOCK) WHERE d.id = 1;
UPDATE dbo.documents SET title = N'after' WHERE id = 1;

-- B expects: other
BEGIN TRANSACTION;
SELECT d.title FROM dbo.documents AS d WITH (UPDLOCK, ROWLOCK) WHERE d.id = 2;

-- B blocked:
SELECT d.title FROM dbo.documents AS d WITH (UPDLOCK, ROWLOCK) WHERE d.id = 1;

-- A:
COMMIT TRANSACTION;

-- B comes: after

-- A blocked:
UPDATE dbo.documents SET title = N'the customer''s' WHERE id = 1;

-- B:
COMMIT TRANSACTION;

-- A comes: nothing

-- A row that is gone, or was changed, is another one for the batch that compares: nothing happens.
-- B expects: raced
SELECT CASE WHEN EXISTS (SELECT 1 FROM dbo.documents AS d WITH (UPDLOCK, ROWLOCK) WHERE d.id = 1 AND d.title = N'after') THEN 'same' ELSE 'raced' END;
