SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), CAST(SERVERPROPERTY('Edition') AS nvarchar(128)),
    CAST(SERVERPROPERTY('EngineEdition') AS bigint);
