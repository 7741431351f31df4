-- Every change of a document begins like this: the state is read under a shared lock and the document's row under an update lock, both
-- held to the end; the location is read after that, as a statement of its own, because under READ_COMMITTED_SNAPSHOT a sub-query would
-- see an older snapshot than the lock. The change was decided from rows that were seen before; if any of them is another one now,
-- nothing happens and the decision is made anew.
SET NOCOUNT ON; SET XACT_ABORT ON;
{find_id}
DECLARE @now bigint = ISNULL(@at, DATEDIFF_BIG(MILLISECOND, '19700101', SYSUTCDATETIME()));
-- In two steps, because DATEADD takes an int.
DECLARE @moment datetime2(3) = DATEADD(MILLISECOND, @now % 86400000, DATEADD(DAY, @now / 86400000, CAST('19700101' AS datetime2(3))));
DECLARE @state_now varchar(100), @row_now bigint, @located_now bigint, @revision_new bigint, @spelled nvarchar(512), @was nvarchar(512);
BEGIN TRANSACTION;
SELECT @state_now = CONCAT(s.phase, ' ', s.epoch, ' ', s.read_only) FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = @tenant;
{lock_row}
SELECT @located_now = CAST(l.rv AS bigint) FROM {location} AS l WITH (UPDLOCK, ROWLOCK) WHERE l.id = @id;
IF ISNULL(@state_now, '') <> @state OR ISNULL(@row_now, 0) <> @row OR ISNULL(@located_now, 0) <> @located
BEGIN
    ROLLBACK TRANSACTION;
    SELECT 'raced' AS outcome, CAST(NULL AS bigint) AS revision, CAST(NULL AS nvarchar(512)) AS spelled;
    RETURN;
END;
