-- What no agent is at ends here, with its jobs: nobody can claim one meanwhile that is gone. An agent that is at one hears of it when it next
-- notes how far it is, and ends its part itself.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @parts bigint;
BEGIN TRANSACTION;
UPDATE sluss.restore_run SET stopped = @stopped WHERE tenant = @tenant AND number = @number AND ended_at IS NULL;
SET @parts = @@ROWCOUNT;
IF @parts = 0 BEGIN ROLLBACK TRANSACTION; SELECT CAST(0 AS bigint) AS parts; RETURN; END;
DELETE FROM sluss.job WHERE tenant = @tenant AND kind = @kind AND (state <> 'leased' OR due_at < @now);
UPDATE sluss.restore_run SET ended_at = @now
WHERE tenant = @tenant AND number = @number AND ended_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM sluss.job AS j WHERE j.tenant = @tenant AND j.kind = @kind AND j.collection = sluss.restore_run.collection
);
COMMIT TRANSACTION;
SELECT @parts AS parts;
