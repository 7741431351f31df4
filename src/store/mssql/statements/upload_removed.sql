UPDATE sluss.upload SET state = 'removed', changed_at = @now WHERE object = @object AND tenant = @tenant AND state = 'condemned';
