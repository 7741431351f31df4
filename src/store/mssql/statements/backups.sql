SELECT TOP (@limit) {run} FROM sluss.backup_run AS r WHERE r.tenant = @tenant AND r.number < @before ORDER BY r.number DESC;
