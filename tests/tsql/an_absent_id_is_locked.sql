-- HOLDLOCK on an id that is not there locks the gap: nobody else inserts the row between the look and the insert, neither a gateway nor the
-- customer. Ids in the same gap wait as well, and those elsewhere do not.

-- A:
INSERT INTO dbo.documents (id, title) VALUES (10, N'ten'), (20, N'twenty'), (30, N'thirty');

-- A expects: nothing
BEGIN TRANSACTION;
SELECT d.id FROM dbo.documents AS d WITH (UPDLOCK, ROWLOCK, HOLDLOCK) WHERE d.id = 15;

-- B:
INSERT INTO dbo.documents (id, title) VALUES (25, N'in another gap');

-- B blocked:
INSERT INTO dbo.documents (id, title) VALUES (15, N'B');

-- A:
INSERT INTO dbo.documents (id, title) VALUES (15, N'A');
COMMIT TRANSACTION;

-- B comes: error 2627

-- A expects: A
SELECT d.title FROM dbo.documents AS d WHERE d.id = 15;
