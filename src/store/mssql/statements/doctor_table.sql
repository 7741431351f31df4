SELECT CAST(s.principal_id AS bigint),
    CAST(CASE WHEN t.is_replicated = 1 OR t.is_published = 1 OR t.is_merge_published = 1 THEN 1 ELSE 0 END AS bit), t.is_tracked_by_cdc,
    CAST(CASE WHEN t.temporal_type = 2 THEN 1 ELSE 0 END AS bit), t.is_memory_optimized
FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE t.object_id = OBJECT_ID(@table);
