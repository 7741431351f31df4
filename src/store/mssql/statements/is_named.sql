-- For each of the objects, whose ids are 36 characters with a comma between: 1 where something names it, else 0.
-- In the order in which a name moves: from uploads to locations to versions. Whoever has left one place is in a later one.
SET NOCOUNT ON;
DECLARE @at int = 1, @object varchar(36), @named int, @answer varchar(max) = '';
WHILE @at < LEN(@objects)
BEGIN
    SET @object = SUBSTRING(@objects, @at, 36);
    SET @named = 0;
{named}    SET @answer = CONCAT(@answer, @named);
    SET @at = @at + 37;
END;
SELECT @answer AS answer;
