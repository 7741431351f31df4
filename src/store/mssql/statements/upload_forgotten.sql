DELETE FROM sluss.upload WHERE object = @object AND tenant = @tenant AND state = 'removed';
