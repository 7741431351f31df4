SET NOCOUNT ON;
UPDATE sluss.state SET read_only = @on WHERE tenant = @tenant;
SELECT CAST(@@ROWCOUNT AS bigint) AS changed;
