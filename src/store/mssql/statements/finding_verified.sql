-- The location still names what was read, or nothing is marked. What was found equal differs no more.
SET NOCOUNT ON; SET XACT_ABORT ON;
{find_id}
UPDATE {location} SET verified_at = @now
WHERE id = @id AND (object = @object OR (object IS NULL AND @object IS NULL)) AND revision = @revision;
DELETE FROM sluss.difference WHERE tenant = @tenant AND collection = @collection AND subject = @subject;
SELECT 'go on' AS outcome;
