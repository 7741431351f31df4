-- A location that is removed becomes a version, also when it goes with its document's row by the foreign key. What was wrong with it is no more.
-- The tick is read as it is now, whatever isolation the writer has asked for: an old one would take the version away early, and a lock on it that
-- is held to the writer's end would stop the tick.
CREATE OR ALTER TRIGGER {retired_trigger} ON {location} AFTER DELETE AS
BEGIN
    SET NOCOUNT ON;
    INSERT INTO sluss.version (tenant, collection, document, placement, object, stamp, length, stored_length, format, key_id, wrapped_key,
        sha256, pieces, held_from, exact, held_to, media_type, file_name, tick)
    SELECT {tenant_literal}, {collection_literal}, {deleted_spelled}, x.placement, x.object, x.stamp, x.length, x.stored_length, x.format, x.key_id,
        x.wrapped_key, x.sha256, x.pieces, ISNULL(x.begun_at, x.held_from),
        CASE WHEN x.begun_at IS NULL THEN 0 ELSE 1 END, DATEDIFF_BIG(MILLISECOND, '19700101', SYSUTCDATETIME()),
        x.media_type, x.file_name, (SELECT t.tick FROM sluss.tick AS t WITH (READCOMMITTEDLOCK) WHERE t.tenant = {tenant_literal})
    FROM deleted AS x;
    DELETE f FROM sluss.difference AS f JOIN deleted AS x
        ON f.tenant = {tenant_literal} AND f.collection = {collection_literal} AND f.subject = {deleted_spelled} COLLATE Latin1_General_100_BIN2;
END
