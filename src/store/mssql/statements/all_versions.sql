SELECT TOP (@limit) {version} FROM sluss.version AS v WHERE v.tenant = @tenant AND v.number > @after ORDER BY v.number;
