SELECT e.tenant, e.placement, e.place, e.at, e.findings FROM sluss.evidence AS e
WHERE e.tenant = @about AND e.at >= @now - @within ORDER BY e.placement;
