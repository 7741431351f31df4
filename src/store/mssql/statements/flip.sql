-- Compare and set; the same transaction asks for a walk over every collection, because another phase calls for other work.
UPDATE sluss.state SET phase = @to WHERE tenant = @tenant AND phase = @from;
IF @@ROWCOUNT <> 1 BEGIN ROLLBACK TRANSACTION; SELECT 'moved' AS outcome; RETURN; END;
