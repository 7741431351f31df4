SELECT TOP (@limit) {version} FROM sluss.version AS v
WHERE v.tenant = @tenant AND v.held_to >= @from AND (v.held_to > @from OR v.number > @after)
ORDER BY v.held_to, v.number;
