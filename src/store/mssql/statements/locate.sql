INSERT INTO {location} ({owner_column}id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, held_from,
    media_type, file_name, begun_at)
VALUES ({owner_value}@id, @placement, @object, {stamp}, @length, @length, 0, @sha256, @pieces, {located_revision}, @sole, @now,
    @label_media_type, @label_file_name, {begun_at});
