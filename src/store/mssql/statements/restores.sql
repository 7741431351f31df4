SELECT TOP (@limit) r.number, r.collection, r.instant, r.document, r.target, r.started_at, r.ended_at, r.figures, r.stopped
FROM sluss.restore_run AS r WHERE r.tenant = @tenant ORDER BY r.number DESC, r.collection;
