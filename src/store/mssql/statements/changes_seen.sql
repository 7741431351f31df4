SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION;
UPDATE sluss.watermark SET revision = CASE WHEN revision < @revision THEN @revision ELSE revision END
WHERE tenant = @tenant AND collection = @collection;
IF @@ROWCOUNT = 0
    INSERT INTO sluss.watermark (tenant, collection, revision) VALUES (@tenant, @collection, @revision);
COMMIT TRANSACTION;
SELECT 'done' AS outcome;
