SELECT COUNT_BIG(*) FROM sys.fulltext_index_columns AS f JOIN sys.columns AS c ON c.object_id = f.object_id AND c.column_id = f.column_id
WHERE f.object_id = OBJECT_ID(@table) AND c.name = @column;
