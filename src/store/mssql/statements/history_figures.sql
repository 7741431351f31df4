-- Figures for people: dirty reads hold nobody up.
DECLARE @ceiling bigint = (SELECT t.tick FROM sluss.tick AS t WHERE t.tenant = @tenant) - @older_than;
SELECT COUNT_BIG(*), ISNULL(SUM(v.stored_length), 0),
    ISNULL(SUM(CASE WHEN v.attempt IS NOT NULL THEN CAST(1 AS bigint) ELSE 0 END), 0),
    ISNULL(SUM(CASE WHEN v.attempt IS NOT NULL THEN v.stored_length ELSE 0 END), 0),
    ISNULL(SUM(CASE WHEN v.tick <= @ceiling THEN CAST(1 AS bigint) ELSE 0 END), 0),
    ISNULL(SUM(CASE WHEN v.tick <= @ceiling THEN v.stored_length ELSE 0 END), 0)
FROM sluss.version AS v WITH (READUNCOMMITTED) WHERE v.tenant = @tenant;
