SELECT TOP (1) a.number, a.hash FROM sluss.audit AS a ORDER BY a.number DESC;
