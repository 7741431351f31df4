-- What the row holds goes into staging before it is overwritten, under the row's lock. It is a version's, and no work of anybody's: only who
-- publishes or gives up that version removes it.
INSERT INTO sluss.staging (attempt, tenant, epoch, touched_at, finished, kept, length, bytes)
SELECT @kept, @tenant, @epoch, @now, 1, 1, DATALENGTH(d.{content}), {content_bytes} FROM {document} AS d WHERE d.{id} = @id{mine};
