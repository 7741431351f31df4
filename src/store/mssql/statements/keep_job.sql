-- No job can have this attempt yet.
INSERT INTO sluss.job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
VALUES (@tenant, 'keep', '', @kept, 'ready', @keep_priority, @now, 0, @now);
