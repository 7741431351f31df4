-- Put out by the INSERT into a table variable: OUTPUT without INTO is refused on a table with triggers (error 334), and SCOPE_IDENTITY() knows
-- identities only.
SELECT @id = g.id FROM @given AS g;
