-- After the version that the location became: what that has is older. What was noted of the content's beginning goes with it; whether that was
-- noted of this content, the hash tells, which for bytes in staging is known once they are read.
DECLARE @begun_at bigint, @begun_sha256 binary(32);
SELECT @begun_at = b.at, @begun_sha256 = b.sha256 FROM sluss.begun AS b WITH (UPDLOCK, ROWLOCK)
WHERE b.tenant = @tenant AND b.collection = @collection AND b.document = @was;
INSERT INTO sluss.version (tenant, collection, document, stamp, length, stored_length, format, sha256, pieces, held_from, held_to,
    media_type, file_name, attempt, tick, exact)
SELECT @tenant, @collection, @was, @kept_stamp, @kept_length, @kept_length, 0, COALESCE(@kept_sha256, @begun_sha256, CAST(0x AS binary(32))), 0x,
    CASE WHEN @kept_sha256 <> @begun_sha256 THEN 0 ELSE ISNULL(@begun_at, 0) END, @now, @kept_media_type, @kept_file_name, @kept,
    (SELECT t.tick FROM sluss.tick AS t WITH (READCOMMITTEDLOCK) WHERE t.tenant = @tenant),
    CASE WHEN @begun_at IS NULL THEN 0 ELSE 1 END;
