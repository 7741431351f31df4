SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION;
IF NOT EXISTS (SELECT 1 FROM sluss.migration AS m WHERE m.version = @version)
    INSERT INTO sluss.migration (version, applied_at) VALUES (@version, DATEDIFF_BIG(MILLISECOND, '19700101', SYSUTCDATETIME()));
IF NOT EXISTS (SELECT 1 FROM sluss.state AS s WITH (UPDLOCK, SERIALIZABLE) WHERE s.tenant = @tenant)
    INSERT INTO sluss.state (tenant, phase, epoch, schema_version, read_only) VALUES (@tenant, @phase, 1, @version, 0);
UPDATE sluss.state SET schema_version = @version WHERE tenant = @tenant AND schema_version <> @version;
IF NOT EXISTS (SELECT 1 FROM sluss.tick AS t WHERE t.tenant = @tenant) INSERT INTO sluss.tick (tenant, tick, at, epoch_at) VALUES (@tenant, 0, 0, 0);
IF NOT EXISTS (SELECT 1 FROM sluss.queue AS q WHERE q.tenant = @tenant) INSERT INTO sluss.queue (tenant) VALUES (@tenant);
