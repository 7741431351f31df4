-- What a customer has before Sluss comes: a database with a table of documents. Run by `sql-server-init`; it may run again.
-- `sluss` owns both databases here, for a try. docs/sql-server.md has the grants that it needs at least.
SET NOCOUNT ON;
IF DB_ID(N'Acme') IS NULL CREATE DATABASE Acme;
IF DB_ID(N'SlussControl') IS NULL CREATE DATABASE SlussControl;
IF SUSER_ID(N'sluss') IS NULL CREATE LOGIN sluss WITH PASSWORD = N'$(password)';
GO
USE SlussControl;
IF USER_ID(N'sluss') IS NULL CREATE USER sluss FOR LOGIN sluss;
ALTER ROLE db_owner ADD MEMBER sluss;
GO
USE Acme;
IF USER_ID(N'sluss') IS NULL CREATE USER sluss FOR LOGIN sluss;
ALTER ROLE db_owner ADD MEMBER sluss;
GO
IF OBJECT_ID(N'dbo.Documents') IS NULL
BEGIN
    CREATE TABLE dbo.Documents (
        Id         int IDENTITY NOT NULL CONSTRAINT PK_Documents PRIMARY KEY,
        ProjectId  int NOT NULL,
        FileName   nvarchar(255) NULL,
        MediaType  varchar(127) NULL,
        ModifiedAt datetime2(3) NOT NULL CONSTRAINT DF_Documents_ModifiedAt DEFAULT SYSUTCDATETIME(),
        RowVersion rowversion NOT NULL,
        Content    varbinary(max) NULL
    );
    CREATE INDEX sluss_changed ON dbo.Documents (RowVersion);
    -- 500 documents, of 1 KB to 1 MB.
    INSERT INTO dbo.Documents (ProjectId, FileName, MediaType, Content)
    SELECT n % 20, CONCAT(N'Report ', n, N'.txt'), 'text/plain',
           CAST(REPLICATE(CAST(CONCAT('Report ', n, '. ') AS varchar(max)), POWER(2, n % 11) * 90) AS varbinary(max))
    FROM (SELECT TOP (500) ROW_NUMBER() OVER (ORDER BY (SELECT 1)) AS n FROM sys.all_columns) AS numbers;
END
GO
