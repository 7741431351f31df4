DELETE FROM sluss.purge WHERE tenant = @tenant AND CHARINDEX(',' + collection + ',', @collections) > 0;
INSERT INTO sluss.purge (tenant, collection, dry_run, started_at, documents, bytes, unverified, too_young, moved)
SELECT @tenant, w.collection, @dry_run, @now, 0, 0, 0, 0, 0 FROM sluss.watermark AS w
WHERE w.tenant = @tenant AND CHARINDEX(',' + w.collection + ',', @collections) > 0;
