UPDATE sluss.tally
SET counted_documents = counted_documents + CASE held_by WHEN 'sql' THEN @sql_documents WHEN 'both' THEN @both_documents ELSE @object_documents END,
    counted_bytes = counted_bytes + CASE held_by WHEN 'sql' THEN @sql_bytes WHEN 'both' THEN @both_bytes ELSE @object_bytes END
WHERE tenant = @tenant AND collection = @collection;
