-- Two claims never lease the same job, and the second does not wait for the first. UPDLOCK: two sessions never see one row as free. READPAST: what
-- another session is claiming is passed by.

-- A:
INSERT INTO sluss.job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
VALUES ('acme', 'copy', 'documents', N'1', 'ready', 30, 1, 0, 0), ('acme', 'copy', 'documents', N'2', 'ready', 30, 2, 0, 0);

-- The middle of claim.sql, in a transaction that stays open.
-- A expects: 1
BEGIN TRANSACTION;
DECLARE @job bigint;
SELECT TOP (1) @job = j.id FROM sluss.job AS j WITH (UPDLOCK, READPAST, ROWLOCK)
WHERE j.tenant = 'acme' AND j.state = 'ready' AND j.priority = 30 AND j.due_at <= 10 ORDER BY j.due_at;
UPDATE sluss.job SET state = 'leased', owner = N'A', due_at = 100 WHERE id = @job;
SELECT j.document FROM sluss.job AS j WHERE j.id = @job;

-- B expects: 2
BEGIN TRANSACTION;
DECLARE @job bigint;
SELECT TOP (1) @job = j.id FROM sluss.job AS j WITH (UPDLOCK, READPAST, ROWLOCK)
WHERE j.tenant = 'acme' AND j.state = 'ready' AND j.priority = 30 AND j.due_at <= 10 ORDER BY j.due_at;
UPDATE sluss.job SET state = 'leased', owner = N'B', due_at = 100 WHERE id = @job;
SELECT j.document FROM sluss.job AS j WHERE j.id = @job;

-- Nothing is left, and that is an answer at once.
-- B expects: NULL
DECLARE @job bigint;
SELECT TOP (1) @job = j.id FROM sluss.job AS j WITH (UPDLOCK, READPAST, ROWLOCK)
WHERE j.tenant = 'acme' AND j.state = 'ready' AND j.priority = 30 AND j.due_at <= 10 ORDER BY j.due_at;
SELECT @job;

-- A:
COMMIT TRANSACTION;

-- B:
COMMIT TRANSACTION;

-- A expects: 1 | A; 2 | B
SELECT j.document, j.owner FROM sluss.job AS j WHERE j.state = 'leased' ORDER BY j.document;
