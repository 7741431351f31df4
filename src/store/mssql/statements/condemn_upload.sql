UPDATE sluss.upload SET state = 'condemned', changed_at = @now WHERE object = @object AND tenant = @tenant AND state = 'open';
