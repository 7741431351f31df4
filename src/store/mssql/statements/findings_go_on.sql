-- The run is still where this step began, or nothing is noted.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @went bigint;
UPDATE sluss.verification
SET documents = @documents, bytes = @bytes, verified = @verified, unlocated = @unlocated, moved = @moved, different = @different,
    failed = @failed, objects = @objects, place = @place, ended_at = CASE WHEN @ended = 1 THEN @now END
WHERE tenant = @tenant AND collection = @collection AND number = @number AND ended_at IS NULL
    AND (place = @from OR (place IS NULL AND @from IS NULL));
SET @went = @@ROWCOUNT;
IF @went = 1 AND @ended = 1
    DELETE FROM sluss.verification WHERE tenant = @tenant AND collection = @collection AND number < @number;
SELECT CASE WHEN @went = 1 THEN 'go on' ELSE 'moved' END AS outcome;
