-- Rows from before Sluss, in small portions.
DECLARE @added bigint = 1;
WHILE @added > 0
BEGIN
    INSERT INTO {revisions} ({owner_column}id, raised)
    SELECT TOP (2000) {owner_value}d.{id}, 0 FROM {document} AS d
    WHERE NOT EXISTS (SELECT 1 FROM {revisions} AS r WITH (UPDLOCK, SERIALIZABLE) WHERE r.id = d.{id}){mine};
    SET @added = @@ROWCOUNT;
END;
