-- The collector removes what has an upload's row: such an object comes back into no location.
IF EXISTS (SELECT 1 FROM sluss.upload AS u WITH (UPDLOCK, SERIALIZABLE) WHERE u.object = @revived)
BEGIN
    ROLLBACK TRANSACTION;
    SELECT 'gone' AS outcome, CAST(NULL AS bigint) AS revision, CAST(NULL AS nvarchar(512)) AS spelled;
    RETURN;
END;
