SELECT COUNT_BIG(*) FROM (
    SELECT TOP (@limit) 1 AS one FROM {location} AS l
    WHERE l.sole = 1 AND l.length > 0 AND EXISTS (SELECT 1 FROM {document} AS d WHERE d.{id} = l.id{mine})
) AS counted;
