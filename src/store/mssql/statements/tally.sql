SELECT t.held_by, SUM(t.documents), SUM(t.bytes), MIN(t.swept_at) FROM sluss.tally AS t WHERE t.tenant = @tenant GROUP BY t.held_by;
