SELECT {run} FROM sluss.backup_run AS r WHERE r.tenant = @tenant AND r.state = @state ORDER BY r.number;
