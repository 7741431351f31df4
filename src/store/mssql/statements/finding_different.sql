-- An accusation of a location that has changed since is left out: it would never be taken back.
SET NOCOUNT ON; SET XACT_ABORT ON;
{find_id}
DECLARE @run bigint = ISNULL((SELECT MAX(v.number) FROM sluss.verification AS v WHERE v.tenant = @tenant AND v.collection = @verified_collection), 0);
IF @located IS NULL OR EXISTS (
    SELECT 1 FROM {location} AS l WITH (REPEATABLEREAD)
    WHERE l.id = @id AND (l.object = @object OR (l.object IS NULL AND @object IS NULL)) AND l.revision = @located
)
BEGIN
    UPDATE sluss.difference WITH (UPDLOCK, SERIALIZABLE)
    SET object = @object, sole = @sole, found_by = @found_by, remedy = @remedy, sides = @sides, found_at = @now, run = @run
    WHERE tenant = @tenant AND collection = @collection AND subject = @subject AND kind = @kind;
    IF @@ROWCOUNT = 0
        INSERT INTO sluss.difference (tenant, collection, subject, kind, object, sole, found_by, remedy, sides, found_at, run)
        VALUES (@tenant, @collection, @subject, @kind, @object, @sole, @found_by, @remedy, @sides, @now, @run);
END;
SELECT 'go on' AS outcome;
