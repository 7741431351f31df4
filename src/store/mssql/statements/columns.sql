-- The base type stands in for an alias type. The types that are programs (geography and its like) have none, and no name here.
SELECT c.name, ISNULL(TYPE_NAME(c.system_type_id), N''), CAST(c.max_length AS bigint), CAST(c.[precision] AS bigint), CAST(c.scale AS bigint),
    c.is_nullable, c.is_identity, c.is_filestream,
    CAST(CASE WHEN COLLATIONPROPERTY(c.collation_name, 'CodePage')
        <> COLLATIONPROPERTY(CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128)), 'CodePage') THEN 1 ELSE 0 END AS bit),
    CAST(c.collation_name AS nvarchar(128))
FROM sys.columns AS c WHERE c.object_id = OBJECT_ID(@table) ORDER BY c.column_id;
