SELECT TOP (@limit) {location_id} FROM {location} AS l WHERE l.sole = 0 ORDER BY NEWID();
