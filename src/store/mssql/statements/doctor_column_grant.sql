SELECT CAST(HAS_PERMS_BY_NAME(@securable, N'OBJECT', @permission, @column, N'COLUMN') AS bigint);
