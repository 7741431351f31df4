SELECT CAST(c.value_in_use AS bigint) FROM sys.configurations AS c WHERE c.name = @option;
