-- A piece of what is kept. It stays as it is until it goes as a whole.
SELECT SUBSTRING(g.bytes, @offset + 1, @length) FROM sluss.staging AS g WHERE g.attempt = @attempt AND g.tenant = @tenant AND g.kept = 1;
