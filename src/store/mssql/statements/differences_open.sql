SELECT COUNT_BIG(*) FROM (SELECT TOP (@limit) 1 AS one FROM sluss.difference AS f WHERE f.tenant = @tenant AND f.remedy = 'open') AS counted;
