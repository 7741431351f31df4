SELECT r.number, r.collection, r.instant, r.document, r.target, r.started_at, r.ended_at, r.figures, r.stopped
FROM sluss.restore_run AS r WHERE r.tenant = @tenant AND r.collection = @collection AND r.ended_at IS NULL;
