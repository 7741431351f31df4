-- The job is closed in a transaction that sees that its document no longer needs it.
DELETE FROM sluss.job WHERE id = @job AND token = @token AND state = 'leased';
IF @@ROWCOUNT <> 1
BEGIN
    ROLLBACK TRANSACTION;
    SELECT 'gone' AS outcome, CAST(NULL AS bigint) AS revision, CAST(NULL AS nvarchar(512)) AS spelled;
    RETURN;
END;
