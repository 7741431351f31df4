SELECT TOP (@limit) x.held, x.what, x.found_at FROM sluss.backup_bad AS x WHERE x.tenant = @tenant ORDER BY x.object;
