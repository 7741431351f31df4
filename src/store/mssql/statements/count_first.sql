DELETE FROM {place};
UPDATE sluss.tally SET counted_documents = 0, counted_bytes = 0 WHERE tenant = @tenant AND collection = @collection;
