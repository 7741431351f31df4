UPDATE sluss.limit_set WITH (UPDLOCK, SERIALIZABLE)
SET documents_per_second = @documents_per_second, bytes_per_second = @bytes_per_second, concurrency = @concurrency, paused = @paused
WHERE tenant = @scope;
IF @@ROWCOUNT = 0
    INSERT INTO sluss.limit_set (tenant, documents_per_second, bytes_per_second, concurrency, paused)
    VALUES (@scope, @documents_per_second, @bytes_per_second, @concurrency, @paused);
