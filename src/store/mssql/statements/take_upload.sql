-- Whoever publishes a key takes its upload's row, which must still be there and not condemned.
DELETE FROM sluss.upload WHERE object = @object AND tenant = @tenant AND state = 'open' AND epoch = @epoch AND purpose = @purpose;
IF @@ROWCOUNT <> 1
BEGIN
    ROLLBACK TRANSACTION;
    SELECT 'gone' AS outcome, CAST(NULL AS bigint) AS revision, CAST(NULL AS nvarchar(512)) AS spelled;
    RETURN;
END;
