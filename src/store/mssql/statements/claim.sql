-- The most urgent job that is due. A lease that ran out comes first: its document has waited longest. READPAST: what another agent is
-- claiming is passed by, not waited for; UPDLOCK: two agents never see the same row as free.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @job bigint, @taken_over bit = 1, @failures bigint, @rank int = 40, @gate varchar(63),
    @kind varchar(16), @collection varchar(63), @document nvarchar(512), @priority int, @progress nvarchar(4000), @created_at bigint;
BEGIN TRANSACTION;
IF @limit IS NOT NULL
BEGIN
    -- Claims under a limit go one at a time, or two of them would both take the last place.
    SELECT @gate = q.tenant FROM sluss.queue AS q WITH (UPDLOCK, ROWLOCK) WHERE q.tenant = @tenant;
    IF (SELECT COUNT_BIG(*) FROM sluss.job AS j WITH (READCOMMITTEDLOCK) WHERE j.tenant = @tenant AND j.state = 'leased' AND j.due_at >= @now) >= @limit
    BEGIN ROLLBACK TRANSACTION; SELECT CAST(NULL AS bigint) AS id; RETURN; END;
END;
SELECT TOP (1) @job = j.id FROM sluss.job AS j WITH (UPDLOCK, READPAST, ROWLOCK)
WHERE j.tenant = @tenant AND j.state = 'leased' AND j.due_at < @now ORDER BY j.due_at;
IF @job IS NULL SET @taken_over = 0;
-- Each priority is one seek in an index, however many jobs wait for a later moment.
WHILE @job IS NULL AND @rank > 0
BEGIN
    SELECT TOP (1) @job = j.id FROM sluss.job AS j WITH (UPDLOCK, READPAST, ROWLOCK)
    WHERE j.tenant = @tenant AND j.state = 'ready' AND j.priority = @rank AND j.due_at <= @now ORDER BY j.due_at;
    SET @rank = @rank - 10;
END;
IF @job IS NULL BEGIN ROLLBACK TRANSACTION; SELECT CAST(NULL AS bigint) AS id; RETURN; END;
UPDATE sluss.job SET state = 'leased', owner = @owner, token = @token, due_at = @now + @lease, failures = failures + @taken_over WHERE id = @job;
SELECT @kind = j.kind, @collection = j.collection, @document = j.document, @priority = j.priority, @progress = j.progress, @created_at = j.created_at,
    @failures = j.failures - @taken_over
FROM sluss.job AS j WHERE j.id = @job;
COMMIT TRANSACTION;
-- From variables: whoever hears an answer knows that the transaction is over.
SELECT @taken_over AS taken_over, @failures AS failures_before, @job AS id, @kind AS kind, @collection AS collection, @document AS document,
    @priority AS priority, @progress AS progress, @created_at AS created_at;
