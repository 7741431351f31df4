SELECT TOP (@limit) a.number, a.at, a.actor, a.on_behalf_of, a.action, a.tenant, a.detail, a.hash
FROM sluss.audit AS a WHERE a.number > @after ORDER BY a.number;
