IF OBJECT_ID(N'sluss.{shared}', N'U') IS NOT NULL
BEGIN
    SET @removed = 1;
    WHILE @removed > 0
    BEGIN
        DELETE TOP (2000) FROM sluss.{shared} WHERE tenant = @tenant;
        SET @removed = @@ROWCOUNT;
    END;
END;
