DELETE FROM sluss.backup_bad WHERE tenant = @tenant AND object = @object;
