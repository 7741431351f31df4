UPDATE {location} SET revision = {located_revision}, stamp = @stamp, sole = @sole, verified_at = NULL WHERE id = @id;
