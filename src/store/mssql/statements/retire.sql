-- The location's own trigger turns it into a version.
DELETE FROM {location} WHERE id = @id;
