-- A run that is under way goes on under a number beyond all that the offsite store lists.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @beyond bigint;
BEGIN TRANSACTION;
SELECT @beyond = 1 + MAX(r.number) FROM sluss.backup_run AS r WITH (UPDLOCK, SERIALIZABLE) WHERE r.tenant = @tenant;
UPDATE sluss.backup_run SET number = CASE WHEN @beyond > @highest THEN @beyond ELSE @highest + 1 END
WHERE tenant = @tenant AND state = 'running' AND number <= @highest;
COMMIT TRANSACTION;
