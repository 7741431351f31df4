SELECT TOP (@limit) {view} FROM sluss.job AS j
WHERE j.tenant = @tenant AND j.id > @after AND (@state IS NULL OR j.state = @state) AND (@kind IS NULL OR j.kind = @kind) ORDER BY j.id;
