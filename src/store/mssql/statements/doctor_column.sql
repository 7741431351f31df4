-- Not there, or this login may not see it.
SELECT CAST(CASE WHEN COL_LENGTH(@table, @column) IS NULL THEN 0 ELSE 1 END AS bit);
