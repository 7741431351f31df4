-- The second: whether it is the table's own key, or leads to it from the other one.
SELECT f.name, CAST(CASE WHEN f.parent_object_id = OBJECT_ID(@table) THEN 1 ELSE 0 END AS bit),
    OBJECT_SCHEMA_NAME(CASE WHEN f.parent_object_id = OBJECT_ID(@table) THEN f.referenced_object_id ELSE f.parent_object_id END),
    OBJECT_NAME(CASE WHEN f.parent_object_id = OBJECT_ID(@table) THEN f.referenced_object_id ELSE f.parent_object_id END),
    f.delete_referential_action_desc
FROM sys.foreign_keys AS f
WHERE (f.parent_object_id = OBJECT_ID(@table) OR f.referenced_object_id = OBJECT_ID(@table)) AND f.is_disabled = 0 ORDER BY f.name;
