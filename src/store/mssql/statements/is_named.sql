-- One statement, and so one instant: a name moves from uploads to locations to versions.
SELECT CAST(CASE WHEN {named} THEN 1 ELSE 0 END AS bit) AS named;
