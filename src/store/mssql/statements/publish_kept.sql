-- The version names the object from now on. What was noted of its beginning was of another content where the hash is another one.
DECLARE @epoch_now bigint;
SELECT @epoch_now = s.epoch FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = @tenant;
IF ISNULL(@epoch_now, -1) <> @epoch BEGIN ROLLBACK TRANSACTION; SELECT 'gone' AS outcome; RETURN; END;
UPDATE sluss.version SET placement = @placement, object = @object, attempt = NULL, pieces = @pieces, sha256 = @sha256,
    held_from = CASE WHEN sha256 = @sha256 THEN held_from ELSE 0 END
WHERE tenant = @tenant AND attempt = @attempt AND length = @length;
IF @@ROWCOUNT <> 1 BEGIN ROLLBACK TRANSACTION; SELECT 'gone' AS outcome; RETURN; END;
DELETE FROM sluss.staging WHERE attempt = @attempt;
