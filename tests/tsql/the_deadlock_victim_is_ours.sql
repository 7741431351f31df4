-- In a deadlock with a program of the customer's it is Sluss that gives way: its sessions say DEADLOCK_PRIORITY LOW, and run the batch again.

-- A:
INSERT INTO dbo.documents (id, title) VALUES (1, N'a'), (2, N'b');

-- A is Sluss.
-- A:
SET XACT_ABORT ON;
SET DEADLOCK_PRIORITY LOW;
BEGIN TRANSACTION;
UPDATE dbo.documents SET title = N'Sluss' WHERE id = 1;

-- B:
BEGIN TRANSACTION;
UPDATE dbo.documents SET title = N'customer' WHERE id = 2;

-- A blocked:
UPDATE dbo.documents SET title = N'Sluss' WHERE id = 2;

-- B:
UPDATE dbo.documents SET title = N'customer' WHERE id = 1;
COMMIT TRANSACTION;

-- A comes: error 1205

-- B expects: 1 | customer; 2 | customer
SELECT d.id, d.title FROM dbo.documents AS d ORDER BY d.id;
