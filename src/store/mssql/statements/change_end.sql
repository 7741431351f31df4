COMMIT TRANSACTION;
SELECT 'done' AS outcome, @revision_new AS revision, @spelled AS spelled;
