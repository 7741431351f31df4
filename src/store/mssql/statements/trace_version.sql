{find_id}
SELECT TOP (1) {version} FROM sluss.version AS v
WHERE v.tenant = @tenant AND v.collection = @collection AND v.document = {asked_spelled} AND v.held_to > @instant ORDER BY v.number;
