{find_id}
SELECT TOP (@limit) {version} FROM sluss.version AS v
WHERE v.tenant = @tenant AND v.collection = @collection AND v.document = {asked_spelled} AND v.number < @before ORDER BY v.number DESC;
