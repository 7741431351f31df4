DECLARE @there bit;
SELECT @there = 1, @was = {id_spelled} FROM {document} AS d WITH ({row_lock}) WHERE d.{id} = @id{mine};
SELECT @row_now = CAST(r.rv AS bigint) FROM {revisions} AS r WITH (UPDLOCK, ROWLOCK) WHERE r.id = @id AND @there = 1;
