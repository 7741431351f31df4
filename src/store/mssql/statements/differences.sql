SELECT TOP (@limit) f.number, f.kind, f.collection, f.subject, f.object, f.sole, f.found_by, f.found_at, f.remedy, f.sides
FROM sluss.difference AS f WHERE f.tenant = @tenant AND f.number > @after ORDER BY f.number;
