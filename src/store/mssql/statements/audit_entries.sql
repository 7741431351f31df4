SELECT TOP (@limit) a.number, a.at, a.actor, a.on_behalf_of, a.action, a.tenant, a.detail, a.hash
FROM sluss.audit AS a WHERE (@before IS NULL OR a.number < @before) AND (@about IS NULL OR a.tenant = @about) ORDER BY a.number DESC;
