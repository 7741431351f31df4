UPDATE sluss.backup_run SET state = @state, reason = ISNULL(@reason, reason) WHERE tenant = @tenant AND number = @number;
