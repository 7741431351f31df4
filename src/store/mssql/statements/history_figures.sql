-- Figures for people: dirty reads hold nobody up. What held at the instant of a manifest that is kept does not go.
DECLARE @ceiling bigint = (SELECT t.tick FROM sluss.tick AS t WHERE t.tenant = @tenant) - @older_than;
DECLARE @expired_to bigint = (SELECT t.expired_to FROM sluss.tick AS t WHERE t.tenant = @tenant);
SELECT COUNT_BIG(*), ISNULL(SUM(v.stored_length), 0),
    ISNULL(SUM(CASE WHEN v.attempt IS NOT NULL THEN CAST(1 AS bigint) ELSE 0 END), 0),
    ISNULL(SUM(CASE WHEN v.attempt IS NOT NULL THEN v.stored_length ELSE 0 END), 0),
    ISNULL(SUM(CASE WHEN v.past = 1 THEN CAST(1 AS bigint) ELSE 0 END), 0),
    ISNULL(SUM(CASE WHEN v.past = 1 THEN v.stored_length ELSE 0 END), 0),
    @expired_to
FROM (
    SELECT x.stored_length, x.attempt, CASE WHEN x.tick <= @ceiling AND NOT EXISTS (
        SELECT 1 FROM sluss.backup_run AS r WITH (READUNCOMMITTED) WHERE r.tenant = @tenant AND r.state IN ('kept', 'running')
            AND r.instant >= x.held_from AND r.instant < x.held_to
    ) AND NOT EXISTS (
        SELECT 1 FROM sluss.restore_run AS u WITH (READUNCOMMITTED) WHERE u.tenant = @tenant AND u.ended_at IS NULL AND u.instant < x.held_to
    ) THEN 1 ELSE 0 END AS past
    FROM sluss.version AS x WITH (READUNCOMMITTED) WHERE x.tenant = @tenant
) AS v;
