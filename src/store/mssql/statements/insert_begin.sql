-- A row whose id its column gives (an identity, a sequence, NEWID()) is made like this. Nobody else can know of it before the commit, so of
-- all that the change was decided from only the state is compared, under a shared lock that is held to the end.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @now bigint = ISNULL(@at, DATEDIFF_BIG(MILLISECOND, '19700101', SYSUTCDATETIME()));
-- In two steps, because DATEADD takes an int.
DECLARE @moment datetime2(3) = DATEADD(MILLISECOND, @now % 86400000, DATEADD(DAY, @now / 86400000, CAST('19700101' AS datetime2(3))));
DECLARE @state_now varchar(100), @revision_new bigint, @spelled nvarchar(512), @id {id_type};
DECLARE @given TABLE (id {id_type} NULL);
BEGIN TRANSACTION;
SELECT @state_now = CONCAT(s.phase, ' ', s.epoch, ' ', s.read_only) FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = @tenant;
IF ISNULL(@state_now, '') <> @state
BEGIN
    ROLLBACK TRANSACTION;
    SELECT 'raced' AS outcome, CAST(NULL AS bigint) AS revision, CAST(NULL AS nvarchar(512)) AS spelled;
    RETURN;
END;
