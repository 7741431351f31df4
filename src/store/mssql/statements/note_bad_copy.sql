SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION;
UPDATE sluss.backup_bad WITH (UPDLOCK, SERIALIZABLE) SET held = @held, what = @what, found_at = @found_at
WHERE tenant = @tenant AND object = @object;
IF @@ROWCOUNT = 0
    INSERT INTO sluss.backup_bad (tenant, object, held, what, found_at) VALUES (@tenant, @object, @held, @what, @found_at);
COMMIT TRANSACTION;
