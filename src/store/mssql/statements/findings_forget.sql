-- What a verification that has come to the end did not find again.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @run bigint = ISNULL((SELECT MAX(v.number) FROM sluss.verification AS v WHERE v.tenant = @tenant AND v.collection = @collection), 0);
DELETE FROM sluss.difference
WHERE tenant = @tenant AND (collection = @collection OR (collection = '' AND @with_objects = 1)) AND run < @run;
SELECT 'go on' AS outcome;
