UPDATE sluss.purge
SET documents = @documents, bytes = @bytes, unverified = @unverified, too_young = @too_young, moved = @moved,
    ended_at = CASE WHEN @ended = 1 THEN @now END, stopped = @stopped
WHERE tenant = @tenant AND collection = @collection;
