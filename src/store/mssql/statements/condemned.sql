DECLARE @before bigint = @now - @age;
SELECT TOP (@limit) u.placement, u.object, CAST(CASE WHEN u.state = 'removed' THEN 1 ELSE 0 END AS bit) AS removed, u.multipart
FROM sluss.upload AS u
WHERE u.tenant = @tenant AND (u.state = 'condemned' OR (u.state = 'removed' AND u.changed_at < @before))
ORDER BY u.changed_at;
