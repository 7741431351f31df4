CONCAT('r-', @epoch, '-', LOWER(REPLACE(LTRIM(REPLACE(CONVERT(char(16), CAST(@revision_new AS binary(8)), 2), '0', ' ')), ' ', '0')))
