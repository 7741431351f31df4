-- The state is read under a shared lock that is held to the end: no flip can come between it and the row.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @phase varchar(16), @epoch_now bigint, @read_only bit;
BEGIN TRANSACTION;
SELECT @phase = s.phase, @epoch_now = s.epoch, @read_only = s.read_only FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = @tenant;
IF @phase IS NULL BEGIN ROLLBACK TRANSACTION; SELECT 'no state' AS outcome; RETURN; END;
IF CHARINDEX(',' + @phase + ',', @phases) = 0 OR @epoch_now <> @epoch BEGIN ROLLBACK TRANSACTION; SELECT 'moved' AS outcome; RETURN; END;
IF @read_only = 1 AND @purpose = 'write' BEGIN ROLLBACK TRANSACTION; SELECT 'read only' AS outcome; RETURN; END;
INSERT INTO sluss.upload (object, tenant, placement, purpose, epoch, state, changed_at)
VALUES (@object, @tenant, @placement, @purpose, @epoch, 'open', @now);
COMMIT TRANSACTION;
SELECT 'recorded' AS outcome;
