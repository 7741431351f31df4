-- A trigger of the customer's that only says RAISERROR does not end a transaction, not even under XACT_ABORT: the change would go through, and its
-- client would hear that it did not.
BEGIN TRY
{batch}END TRY
BEGIN CATCH
    IF XACT_STATE() <> 0 ROLLBACK TRANSACTION;
    THROW;
END CATCH;
