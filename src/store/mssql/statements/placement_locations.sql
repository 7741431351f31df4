-- An estimate: dirty reads hold nobody up.
SELECT l.placement, COUNT_BIG(*), SUM(l.stored_length) FROM {location} AS l WITH (READUNCOMMITTED)
WHERE l.placement IS NOT NULL GROUP BY l.placement;
