-- An estimate: dirty reads hold nobody up.
SELECT v.placement, COUNT_BIG(*), SUM(v.stored_length) FROM sluss.version AS v WITH (READUNCOMMITTED)
WHERE v.tenant = @tenant AND v.placement IS NOT NULL GROUP BY v.placement;
