-- What the customer's table has no column for.
UPDATE {attribute} SET media_type = CASE WHEN @anew = 1 THEN @media_type ELSE ISNULL(@media_type, media_type) END,
    file_name = CASE WHEN @anew = 1 THEN @file_name ELSE ISNULL(@file_name, file_name) END
WHERE id = @id;
IF @@ROWCOUNT = 0
    INSERT INTO {attribute} ({owner_column}id, media_type, file_name) VALUES ({owner_value}@id, @media_type, @file_name);
