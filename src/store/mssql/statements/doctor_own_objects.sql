-- What stands in our schema.
SELECT o.name FROM sys.objects AS o WHERE o.schema_id = SCHEMA_ID(N'sluss') AND o.type = 'U' ORDER BY o.name;
