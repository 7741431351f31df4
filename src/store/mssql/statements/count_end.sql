-- At the end of the table the count becomes the figures.
UPDATE sluss.tally SET documents = counted_documents, bytes = counted_bytes, swept_at = @now WHERE tenant = @tenant AND collection = @collection;
COMMIT TRANSACTION;
SELECT 'counted' AS outcome;
