-- What locations of schema version 1 lack. Adding a column that takes NULL writes no row.
IF COL_LENGTH({location_literal}, N'begun_at') IS NULL
ALTER TABLE {location} ADD begun_at bigint NULL;
