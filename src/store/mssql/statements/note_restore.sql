SET NOCOUNT ON; SET XACT_ABORT ON;
UPDATE sluss.restore_run
SET figures = @figures, ended_at = CASE WHEN @ended = 1 THEN @now END, stopped = CASE WHEN @ended = 1 THEN @stopped ELSE stopped END
WHERE tenant = @tenant AND collection = @collection AND number = @number AND ended_at IS NULL;
SELECT COUNT_BIG(*) AS goes_on FROM sluss.restore_run AS r
WHERE r.tenant = @tenant AND r.collection = @collection AND r.number = @number AND r.ended_at IS NULL AND r.stopped IS NULL;
