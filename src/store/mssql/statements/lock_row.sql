SELECT @row_now = CAST(d.{rowversion} AS bigint), @was = {id_spelled} FROM {document} AS d WITH ({row_lock}) WHERE d.{id} = @id{mine};
