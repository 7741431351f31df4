SELECT CAST(s.schema_version AS bigint) FROM sluss.state AS s WHERE s.tenant = @tenant;
