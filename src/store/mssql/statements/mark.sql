-- The mark is in the log only where its transaction changed something, and a value that stays as it is need not be logged. The tick rises once more
-- behind it, so that a database that is restored to the mark is behind what was seen, and is noticed.
SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION @mark WITH MARK N'sluss mark';
UPDATE sluss.tick SET tick = tick + 1 WHERE tenant = @tenant;
COMMIT TRANSACTION;
DECLARE @marked bigint = ISNULL(@at, DATEDIFF_BIG(MILLISECOND, '19700101', SYSUTCDATETIME()));
UPDATE sluss.tick SET tick = tick + 1 WHERE tenant = @tenant;
SELECT @marked;
