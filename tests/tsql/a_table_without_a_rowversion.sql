-- Where the customer's table has no rowversion, a trigger keeps the revisions: every change gives a higher one, also of a changed id and of an id that
-- is used again, also from a program with old SET options; a row of a transaction that is still open is above the ceiling.

-- B:
SET QUOTED_IDENTIFIER OFF;
SET ANSI_NULLS OFF;
SET ANSI_PADDING OFF;
SET ANSI_WARNINGS OFF;
SET ARITHABORT OFF;
SET CONCAT_NULL_YIELDS_NULL OFF;

-- A:
CREATE TABLE dbo.seen (rv bigint NOT NULL);

-- B:
INSERT INTO dbo.plain (id, title) VALUES (1, N'a');

-- A:
INSERT INTO dbo.seen (rv) SELECT CAST(r.rv AS bigint) FROM sluss.[revision/acme/plain] AS r WHERE r.id = 1;

-- B:
UPDATE dbo.plain SET title = title WHERE id = 1;

-- A expects: higher
SELECT CASE WHEN CAST(r.rv AS bigint) > (SELECT MAX(s.rv) FROM dbo.seen AS s) THEN 'higher' ELSE 'not higher' END FROM sluss.[revision/acme/plain] AS r WHERE r.id = 1;

-- A:
INSERT INTO dbo.seen (rv) SELECT CAST(r.rv AS bigint) FROM sluss.[revision/acme/plain] AS r WHERE r.id = 1;

-- B:
UPDATE dbo.plain SET id = 2 WHERE id = 1;

-- A expects: 2 | higher
SELECT r.id, CASE WHEN CAST(r.rv AS bigint) > (SELECT MAX(s.rv) FROM dbo.seen AS s) THEN 'higher' ELSE 'not higher' END FROM sluss.[revision/acme/plain] AS r;

-- A:
INSERT INTO dbo.seen (rv) SELECT CAST(r.rv AS bigint) FROM sluss.[revision/acme/plain] AS r WHERE r.id = 2;

-- B:
DELETE FROM dbo.plain WHERE id = 2;
INSERT INTO dbo.plain (id, title) VALUES (2, N'again');

-- A expects: 2 | higher
SELECT r.id, CASE WHEN CAST(r.rv AS bigint) > (SELECT MAX(s.rv) FROM dbo.seen AS s) THEN 'higher' ELSE 'not higher' END FROM sluss.[revision/acme/plain] AS r;

-- B:
BEGIN TRANSACTION;
UPDATE dbo.plain SET title = N'open' WHERE id = 2;

-- A:
INSERT INTO dbo.plain (id, title) VALUES (3, N'committed');

-- A expects: not yet
SELECT CASE WHEN r.rv < MIN_ACTIVE_ROWVERSION() THEN 'passed' ELSE 'not yet' END FROM sluss.[revision/acme/plain] AS r WHERE r.id = 3;

-- B:
COMMIT TRANSACTION;

-- OUTPUT without INTO is what such a program cannot say any more.
-- B expects: error 334
INSERT INTO dbo.plain (id, title) OUTPUT inserted.id VALUES (4, N'd');
