-- The highest of each that was ever seen.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @epoch_seen bigint, @tick_seen bigint;
BEGIN TRANSACTION;
UPDATE sluss.tick_seen WITH (UPDLOCK, SERIALIZABLE)
SET epoch = CASE WHEN epoch < @epoch THEN @epoch ELSE epoch END, tick = CASE WHEN tick < @number THEN @number ELSE tick END
WHERE tenant = @about;
IF @@ROWCOUNT = 0 INSERT INTO sluss.tick_seen (tenant, epoch, tick) VALUES (@about, @epoch, @number);
SELECT @epoch_seen = s.epoch, @tick_seen = s.tick FROM sluss.tick_seen AS s WHERE s.tenant = @about;
COMMIT TRANSACTION;
SELECT @epoch_seen AS epoch, @tick_seen AS tick;
