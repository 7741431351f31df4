-- What is known of a document's past, beside its rows. Each part is one look in an index; what changes between them is noticed by whoever
-- changes the document, who compares its stamp.
{find_id}
SELECT (SELECT MAX(l.begun_at) FROM {location} AS l WHERE l.id = @id),
    (SELECT MAX(b.at) FROM sluss.begun AS b WHERE b.tenant = @tenant AND b.collection = @collection AND b.document = {asked_spelled}),
    (SELECT MAX(b.sha256) FROM sluss.begun AS b WHERE b.tenant = @tenant AND b.collection = @collection AND b.document = {asked_spelled}),
    (SELECT MAX(v.held_to) FROM sluss.version AS v WHERE v.tenant = @tenant AND v.collection = @collection AND v.document = {asked_spelled}),
    (SELECT MAX(m.at) FROM sluss.marked AS m WHERE m.tenant = @tenant AND m.collection = @collection AND m.document = {asked_spelled});
