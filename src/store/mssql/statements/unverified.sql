SELECT TOP (@limit) {location_id} FROM {location} AS l WHERE l.verified_at IS NULL AND l.object IS NOT NULL;
