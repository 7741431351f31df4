SELECT p.name, p.role, p.works, p.version, p.started_at, p.seen_at FROM sluss.process AS p WHERE p.seen_at >= @now - @within ORDER BY p.name;
