INSERT INTO {place} (id) VALUES (@last_id);
COMMIT TRANSACTION;
SELECT 'counted' AS outcome;
