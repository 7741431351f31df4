-- Read back under the lock after the last statement on the row, never by OUTPUT: a trigger of the customer's may have changed the row again
-- (and OUTPUT without INTO is refused on a table with triggers, error 334).
SELECT @revision_new = CAST({revision} AS bigint), @spelled = {id_spelled}
FROM {document} AS d WITH (UPDLOCK, ROWLOCK)
{revision_join}
WHERE d.{id} = @id{mine};
