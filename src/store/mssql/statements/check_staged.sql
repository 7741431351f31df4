-- The attempt is whole, of this epoch, and is what its writer says it is.
IF NOT EXISTS (
    SELECT 1 FROM sluss.staging AS g WITH (UPDLOCK, ROWLOCK)
    WHERE g.attempt = @attempt AND g.tenant = @tenant AND g.finished = 1 AND g.epoch = @epoch AND g.length = @staged_length
        AND g.sha256 = @staged_sha256 AND DATALENGTH(g.bytes) = @staged_length
)
BEGIN
    ROLLBACK TRANSACTION;
    SELECT 'gone' AS outcome, CAST(NULL AS bigint) AS revision, CAST(NULL AS nvarchar(512)) AS spelled;
    RETURN;
END;
