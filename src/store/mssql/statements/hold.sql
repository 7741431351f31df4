SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @held bigint;
BEGIN TRANSACTION;
UPDATE sluss.hold WITH (UPDLOCK, SERIALIZABLE) SET owner = @owner, until = @now + @lease
WHERE tenant = @tenant AND name = @name AND (owner = @owner OR until < @now OR until > @now + @lease + @skew);
SET @held = @@ROWCOUNT;
IF @held = 0 AND NOT EXISTS (SELECT 1 FROM sluss.hold AS h WITH (UPDLOCK, SERIALIZABLE) WHERE h.tenant = @tenant AND h.name = @name)
BEGIN
    INSERT INTO sluss.hold (tenant, name, owner, until) VALUES (@tenant, @name, @owner, @now + @lease);
    SET @held = 1;
END;
COMMIT TRANSACTION;
SELECT @held AS held;
