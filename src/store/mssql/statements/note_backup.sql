UPDATE sluss.backup_run
SET documents = @documents, bytes = @bytes, only_in_sql = @only_in_sql, left_out = @left_out, objects_copied = @objects_copied,
    bytes_copied = @bytes_copied
WHERE tenant = @tenant AND number = @number AND state = 'running';
