SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION;
UPDATE sluss.backup_run WITH (UPDLOCK, SERIALIZABLE)
SET state = 'kept', instant = @instant, ended_at = @instant, documents = @documents, bytes = @bytes, manifest = @manifest
WHERE tenant = @tenant AND number = @number;
IF @@ROWCOUNT = 0
    INSERT INTO sluss.backup_run (tenant, number, state, instant, ended_at, documents, bytes, only_in_sql, left_out, objects_copied, bytes_copied, manifest)
    VALUES (@tenant, @number, 'kept', @instant, @instant, @documents, @bytes, 0, 0, 0, 0, @manifest);
COMMIT TRANSACTION;
