-- Many row locks of one statement become a lock of the whole table, which would stop every document. Our tables say LOCK_ESCALATION = DISABLE:
-- with 20,000 locked rows another row can still be changed. The same on a table that does not say so stops it, which shows that the number is
-- large enough; a server escalates somewhere above 5,000, and 6,000 are sometimes too few to see it.

-- A:
INSERT INTO sluss.job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
SELECT TOP (20000) 'acme', 'copy', 'documents', CAST(ROW_NUMBER() OVER (ORDER BY (SELECT NULL)) AS nvarchar(40)), 'ready', 10, 0, 0, 0
FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b;
INSERT INTO sluss.job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
VALUES ('globex', 'copy', 'documents', N'1', 'ready', 10, 0, 0, 0);

-- A:
CREATE TABLE dbo.escalates (id int NOT NULL PRIMARY KEY, failures int NOT NULL);
INSERT INTO dbo.escalates (id, failures)
SELECT TOP (20001) ROW_NUMBER() OVER (ORDER BY (SELECT NULL)), 0 FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b;

-- A expects: 20000
BEGIN TRANSACTION;
UPDATE j SET failures = 1 FROM sluss.job AS j WITH (ROWLOCK) WHERE j.tenant = 'acme';
SELECT @@ROWCOUNT;

-- B expects: 1
UPDATE j SET failures = 1 FROM sluss.job AS j WITH (ROWLOCK) WHERE j.id = (SELECT MAX(k.id) FROM sluss.job AS k WITH (READPAST) WHERE k.tenant = 'globex');
SELECT @@ROWCOUNT;

-- A:
COMMIT TRANSACTION;

-- A:
BEGIN TRANSACTION;
UPDATE e SET failures = 1 FROM dbo.escalates AS e WITH (ROWLOCK) WHERE e.id <= 20000;

-- B blocked:
UPDATE e SET failures = 2 FROM dbo.escalates AS e WITH (ROWLOCK) WHERE e.id = 20001;

-- A:
COMMIT TRANSACTION;

-- B comes: nothing
