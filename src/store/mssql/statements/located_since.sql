{find_id}
{check_after}SELECT TOP (@limit) l.held_from, {location_id} FROM {location} AS l WHERE l.held_from >= @from{behind} ORDER BY l.held_from, l.id;
