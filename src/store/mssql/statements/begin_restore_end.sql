COMMIT TRANSACTION;
SELECT 'begun' AS outcome, @number AS number;
