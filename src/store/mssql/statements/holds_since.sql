-- A content that gets a location holds since a client wrote it, if what was noted is the same by its hash; it has served.
DECLARE @noted_at bigint;
SELECT @noted_at = b.at FROM sluss.begun AS b WITH (UPDLOCK, ROWLOCK)
WHERE b.tenant = @tenant AND b.collection = @collection AND b.document = @spelled AND b.sha256 = @sha256;
DELETE FROM sluss.begun WHERE tenant = @tenant AND collection = @collection AND document = @spelled;
