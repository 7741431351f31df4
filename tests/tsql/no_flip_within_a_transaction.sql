-- A transaction that records a client's upload, or changes a document, holds a shared lock on the tenant's state to its end: no flip comes between what it
-- was decided by and its commit. Transactions on other documents share the lock, and so wait for each other in nothing.

-- A expects: sql
BEGIN TRANSACTION;
SELECT s.phase FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = 'acme';

-- B expects: sql
BEGIN TRANSACTION;
SELECT s.phase FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = 'acme';

-- B:
COMMIT TRANSACTION;

-- B blocked:
UPDATE sluss.state SET phase = 'shadow' WHERE tenant = 'acme' AND phase = 'sql';

-- A:
COMMIT TRANSACTION;

-- B comes: nothing

-- A expects: shadow
SELECT s.phase FROM sluss.state AS s WHERE s.tenant = 'acme';
