-- The mark is gone. The content that was hidden by it, if its time ends now, has that noted.
DECLARE @marked_at bigint;
SELECT @marked_at = m.at FROM sluss.marked AS m WITH (UPDLOCK, ROWLOCK)
WHERE m.tenant = @tenant AND m.collection = @collection AND m.document = @spelled;
UPDATE sluss.version SET hidden_at = @marked_at
WHERE tenant = @tenant AND collection = @collection AND document = @spelled AND held_to = @now AND hidden_at IS NULL;
DELETE FROM sluss.marked WHERE tenant = @tenant AND collection = @collection AND document = @spelled;
