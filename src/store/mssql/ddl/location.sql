IF OBJECT_ID({location_literal}, N'U') IS NULL
CREATE TABLE {location} (
    {owner_definition}id {id_definition} NOT NULL,
    placement varchar(63) COLLATE Latin1_General_100_BIN2 NULL,
    object varchar(36) COLLATE Latin1_General_100_BIN2 NULL,
    stamp varchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    length bigint NOT NULL,
    stored_length bigint NOT NULL,
    format tinyint NOT NULL,
    key_id varchar(128) COLLATE Latin1_General_100_BIN2 NULL,
    wrapped_key varbinary(1024) NULL,
    sha256 binary(32) NOT NULL,
    pieces varbinary(max) NOT NULL,
    verified_at bigint NULL,
    revision bigint NOT NULL,
    sole bit NOT NULL,
    held_from bigint NOT NULL,
    media_type nvarchar(4000) NULL,
    file_name nvarchar(4000) NULL,
    begun_at bigint NULL,
    rv rowversion NOT NULL,
    CONSTRAINT {location_key} PRIMARY KEY {clustering} (id){foreign_key}
);
ALTER TABLE {location} SET (LOCK_ESCALATION = DISABLE);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID({location_literal}) AND i.name = N'location_sole')
CREATE INDEX location_sole ON {location} (sole, length);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID({location_literal}) AND i.name = N'location_object')
CREATE INDEX location_object ON {location} (object);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID({location_literal}) AND i.name = N'location_verified')
CREATE INDEX location_verified ON {location} (verified_at, object);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID({location_literal}) AND i.name = N'location_placement')
CREATE INDEX location_placement ON {location} (placement) INCLUDE (stored_length);
-- A backup walks what was put since the one before it.
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID({location_literal}) AND i.name = N'location_held')
CREATE INDEX location_held ON {location} (held_from, id);
-- Where a sweep has counted up to.
IF OBJECT_ID({place_literal}, N'U') IS NULL
CREATE TABLE {place} (id {id_definition} NOT NULL CONSTRAINT {place_key} PRIMARY KEY {clustering});
