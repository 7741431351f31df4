SELECT p.collection, p.dry_run, p.started_at, p.ended_at, p.documents, p.bytes, p.unverified, p.too_young, p.moved, p.stopped
FROM sluss.purge AS p WHERE p.tenant = @tenant ORDER BY p.collection;
