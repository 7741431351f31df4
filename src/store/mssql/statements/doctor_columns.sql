-- The second: whether a row needs a value in it that nobody else gives.
SELECT c.name,
    CAST(CASE WHEN c.is_nullable = 0 AND c.default_object_id = 0 AND c.is_identity = 0 AND c.is_computed = 0 AND c.generated_always_type = 0
        AND ISNULL(TYPE_NAME(c.system_type_id), N'') <> N'timestamp' THEN 1 ELSE 0 END AS bit),
    CAST(CASE WHEN TYPE_NAME(c.system_type_id) = N'timestamp' THEN 1 ELSE 0 END AS bit)
FROM sys.columns AS c WHERE c.object_id = OBJECT_ID(@table) ORDER BY c.column_id;
