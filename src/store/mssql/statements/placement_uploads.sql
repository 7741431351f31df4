-- An estimate: dirty reads hold nobody up. How large an upload is, nobody knows before its end.
SELECT u.placement, COUNT_BIG(*), CAST(0 AS bigint) FROM sluss.upload AS u WITH (READUNCOMMITTED) WHERE u.tenant = @tenant GROUP BY u.placement;
