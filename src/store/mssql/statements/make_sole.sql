UPDATE {location} SET revision = @revision_new, sole = 1 WHERE id = @id;
