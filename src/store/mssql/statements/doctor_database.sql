SELECT d.is_read_committed_snapshot_on, CAST(d.compatibility_level AS bigint), d.recovery_model_desc, d.is_read_only
FROM sys.databases AS d WHERE d.database_id = DB_ID();
