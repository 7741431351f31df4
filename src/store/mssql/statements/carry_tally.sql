-- The figures come last, so that their rows are locked for the shortest time. Where a sweep has passed the document, its count moves, too;
-- the sweep's place is read under a lock, because under READ_COMMITTED_SNAPSHOT an older one would be seen.
DECLARE @passed bigint = CASE WHEN EXISTS (SELECT 1 FROM {place} AS p WITH (READCOMMITTEDLOCK) WHERE p.id >= @id) THEN 1 ELSE 0 END;
UPDATE sluss.tally
SET documents = documents + CASE WHEN held_by = @held_after THEN 1 ELSE 0 END - CASE WHEN held_by = @held_before THEN 1 ELSE 0 END,
    bytes = bytes + CASE WHEN held_by = @held_after THEN @bytes_after ELSE 0 END - CASE WHEN held_by = @held_before THEN @bytes_before ELSE 0 END,
    counted_documents = counted_documents
        + @passed * (CASE WHEN held_by = @held_after THEN 1 ELSE 0 END - CASE WHEN held_by = @held_before THEN 1 ELSE 0 END),
    counted_bytes = counted_bytes
        + @passed * (CASE WHEN held_by = @held_after THEN @bytes_after ELSE 0 END - CASE WHEN held_by = @held_before THEN @bytes_before ELSE 0 END)
WHERE tenant = @tenant AND collection = @collection AND held_by IN (@held_before, @held_after);
