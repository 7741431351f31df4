-- The value begins as 0x: .WRITE refuses NULL.
INSERT INTO sluss.staging (attempt, tenant, epoch, touched_at, finished, bytes) VALUES (@attempt, @tenant, @epoch, @now, 0, 0x);
