-- Tables that all tenants of a database share. Times are Unix milliseconds by this database's clock. What is written by triggers has no filtered
-- index, no computed column and no indexed view: those would fail with error 1934 under the SET options of whoever fires the trigger.
-- Names and keys compare byte by byte. Lock escalation is off where many rows change at once: a table lock would stop every document.
IF OBJECT_ID(N'sluss.migration', N'U') IS NULL
CREATE TABLE sluss.migration (
    version int NOT NULL CONSTRAINT migration_key PRIMARY KEY,
    applied_at bigint NOT NULL
);
IF OBJECT_ID(N'sluss.state', N'U') IS NULL
CREATE TABLE sluss.state (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT state_key PRIMARY KEY,
    phase varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL,
    epoch bigint NOT NULL,
    schema_version int NOT NULL,
    read_only bit NOT NULL
);
-- One row a tenant: claims under a limit queue up here.
IF OBJECT_ID(N'sluss.queue', N'U') IS NULL
CREATE TABLE sluss.queue (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT queue_key PRIMARY KEY
);
IF OBJECT_ID(N'sluss.placement', N'U') IS NULL
CREATE TABLE sluss.placement (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    name varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    description nvarchar(4000) NOT NULL,
    CONSTRAINT placement_key PRIMARY KEY (tenant, name)
);
IF OBJECT_ID(N'sluss.version', N'U') IS NULL
CREATE TABLE sluss.version (
    number bigint IDENTITY(1, 1) NOT NULL CONSTRAINT version_key PRIMARY KEY,
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    document nvarchar(512) COLLATE Latin1_General_100_BIN2 NOT NULL,
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
    held_from bigint NOT NULL,
    held_to bigint NOT NULL,
    media_type nvarchar(4000) NULL,
    file_name nvarchar(4000) NULL,
    attempt varchar(36) COLLATE Latin1_General_100_BIN2 NULL,
    tick bigint NULL,
    exact bit NULL,
    hidden_at bigint NULL
);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.version') AND i.name = N'version_number')
CREATE INDEX version_number ON sluss.version (tenant, collection, document, number);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.version') AND i.name = N'version_object')
CREATE INDEX version_object ON sluss.version (object);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.version') AND i.name = N'version_placement')
CREATE INDEX version_placement ON sluss.version (tenant, placement) INCLUDE (stored_length);
-- A backup walks what ended since the one before it.
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.version') AND i.name = N'version_ended')
CREATE INDEX version_ended ON sluss.version (tenant, held_to, number);
ALTER TABLE sluss.version SET (LOCK_ESCALATION = DISABLE);
IF OBJECT_ID(N'sluss.upload', N'U') IS NULL
CREATE TABLE sluss.upload (
    object varchar(36) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT upload_key PRIMARY KEY,
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    placement varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    purpose varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL,
    epoch bigint NOT NULL,
    state varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL,
    changed_at bigint NOT NULL,
    multipart nvarchar(2000) NULL
);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.upload') AND i.name = N'upload_state')
CREATE INDEX upload_state ON sluss.upload (tenant, state, changed_at);
ALTER TABLE sluss.upload SET (LOCK_ESCALATION = DISABLE);
-- Content on its way in: one row an attempt. `kept`: content on its way out, a version's.
IF OBJECT_ID(N'sluss.staging', N'U') IS NULL
CREATE TABLE sluss.staging (
    attempt varchar(36) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT staging_key PRIMARY KEY,
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    epoch bigint NOT NULL,
    touched_at bigint NOT NULL,
    finished bit NOT NULL,
    length bigint NULL,
    sha256 binary(32) NULL,
    bytes varbinary(max) NOT NULL,
    kept bit NOT NULL CONSTRAINT staging_kept DEFAULT 0
);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.staging') AND i.name = N'staging_touched')
CREATE INDEX staging_touched ON sluss.staging (tenant, touched_at);
ALTER TABLE sluss.staging SET (LOCK_ESCALATION = DISABLE);
IF OBJECT_ID(N'sluss.job', N'U') IS NULL
CREATE TABLE sluss.job (
    id bigint IDENTITY(1, 1) NOT NULL CONSTRAINT job_key PRIMARY KEY,
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    kind varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    document nvarchar(512) COLLATE Latin1_General_100_BIN2 NOT NULL,
    state varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL,
    priority int NOT NULL,
    due_at bigint NOT NULL,
    failures int NOT NULL,
    reason nvarchar(4000) NULL,
    owner nvarchar(200) NULL,
    token varchar(36) COLLATE Latin1_General_100_BIN2 NULL,
    progress nvarchar(4000) NULL,
    created_at bigint NOT NULL
);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.job') AND i.name = N'job_target')
CREATE UNIQUE INDEX job_target ON sluss.job (tenant, kind, collection, document);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.job') AND i.name = N'job_due')
CREATE INDEX job_due ON sluss.job (tenant, state, priority, due_at);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.job') AND i.name = N'job_lease')
CREATE INDEX job_lease ON sluss.job (tenant, state, due_at);
ALTER TABLE sluss.job SET (LOCK_ESCALATION = DISABLE);
IF OBJECT_ID(N'sluss.hold', N'U') IS NULL
CREATE TABLE sluss.hold (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    name varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    owner nvarchar(200) NOT NULL,
    until bigint NOT NULL,
    CONSTRAINT hold_key PRIMARY KEY (tenant, name)
);
-- Up to which revision the changes of a collection were dealt with.
IF OBJECT_ID(N'sluss.watermark', N'U') IS NULL
CREATE TABLE sluss.watermark (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT watermark_key PRIMARY KEY (tenant, collection)
);
IF OBJECT_ID(N'sluss.purge', N'U') IS NULL
CREATE TABLE sluss.purge (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    dry_run bit NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint NULL,
    documents bigint NOT NULL,
    bytes bigint NOT NULL,
    unverified bigint NOT NULL,
    too_young bigint NOT NULL,
    moved bigint NOT NULL,
    stopped nvarchar(4000) NULL,
    CONSTRAINT purge_key PRIMARY KEY (tenant, collection)
);
IF OBJECT_ID(N'sluss.verification', N'U') IS NULL
CREATE TABLE sluss.verification (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    number bigint NOT NULL,
    repair bit NOT NULL,
    background bit NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint NULL,
    epoch bigint NOT NULL,
    revision bigint NOT NULL,
    place nvarchar(4000) NULL,
    documents bigint NOT NULL,
    bytes bigint NOT NULL,
    verified bigint NOT NULL,
    unlocated bigint NOT NULL,
    moved bigint NOT NULL,
    different bigint NOT NULL,
    failed bigint NOT NULL,
    objects bigint NOT NULL,
    CONSTRAINT verification_key PRIMARY KEY (tenant, collection, number)
);
-- `subject`: the document, or, with an empty collection, a name among the objects.
IF OBJECT_ID(N'sluss.difference', N'U') IS NULL
CREATE TABLE sluss.difference (
    number bigint IDENTITY(1, 1) NOT NULL CONSTRAINT difference_key PRIMARY KEY,
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    subject nvarchar(700) COLLATE Latin1_General_100_BIN2 NOT NULL,
    kind varchar(32) COLLATE Latin1_General_100_BIN2 NOT NULL,
    object varchar(36) COLLATE Latin1_General_100_BIN2 NULL,
    sole bit NOT NULL,
    found_by varchar(32) COLLATE Latin1_General_100_BIN2 NOT NULL,
    remedy varchar(32) COLLATE Latin1_General_100_BIN2 NOT NULL,
    sides nvarchar(max) NOT NULL,
    found_at bigint NOT NULL,
    run bigint NOT NULL
);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.difference') AND i.name = N'difference_subject')
CREATE UNIQUE INDEX difference_subject ON sluss.difference (tenant, collection, subject, kind);
ALTER TABLE sluss.difference SET (LOCK_ESCALATION = DISABLE);
IF OBJECT_ID(N'sluss.tally', N'U') IS NULL
CREATE TABLE sluss.tally (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    held_by varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL,
    documents bigint NOT NULL,
    bytes bigint NOT NULL,
    swept_at bigint NULL,
    counted_documents bigint NOT NULL,
    counted_bytes bigint NOT NULL,
    CONSTRAINT tally_key PRIMARY KEY (tenant, collection, held_by)
);
-- How many minutes somebody has watched the tenant: history grows old by it. `epoch_at`: the tick at which the epoch began.
IF OBJECT_ID(N'sluss.tick', N'U') IS NULL
CREATE TABLE sluss.tick (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT tick_key PRIMARY KEY,
    tick bigint NOT NULL,
    at bigint NOT NULL,
    epoch_at bigint NOT NULL
);
-- From when a content holds that a client wrote into its row, until its copy takes that over.
IF OBJECT_ID(N'sluss.begun', N'U') IS NULL
CREATE TABLE sluss.begun (
    number bigint IDENTITY(1, 1) NOT NULL CONSTRAINT begun_key PRIMARY KEY,
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    document nvarchar(512) COLLATE Latin1_General_100_BIN2 NOT NULL,
    at bigint NOT NULL,
    sha256 binary(32) NOT NULL
);
-- The longest ids do not fit into a clustered key.
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.begun') AND i.name = N'begun_document')
CREATE UNIQUE INDEX begun_document ON sluss.begun (tenant, collection, document);
-- Since when a document is marked as deleted that a client marked. The longest ids do not fit into a clustered key.
IF OBJECT_ID(N'sluss.marked', N'U') IS NULL
CREATE TABLE sluss.marked (
    number bigint IDENTITY(1, 1) NOT NULL CONSTRAINT marked_key PRIMARY KEY,
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    document nvarchar(512) COLLATE Latin1_General_100_BIN2 NOT NULL,
    at bigint NOT NULL
);
IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'sluss.marked') AND i.name = N'marked_document')
CREATE UNIQUE INDEX marked_document ON sluss.marked (tenant, collection, document);
-- Restores to an instant, each collection's part in a row. `stopped`: why it ended before all was done.
IF OBJECT_ID(N'sluss.restore_run', N'U') IS NULL
CREATE TABLE sluss.restore_run (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    number bigint NOT NULL,
    collection varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    instant bigint NOT NULL,
    document nvarchar(512) COLLATE Latin1_General_100_BIN2 NULL,
    target varchar(63) COLLATE Latin1_General_100_BIN2 NULL,
    started_at bigint NOT NULL,
    ended_at bigint NULL,
    figures nvarchar(4000) NOT NULL,
    stopped nvarchar(4000) NULL,
    CONSTRAINT restore_run_key PRIMARY KEY (tenant, number, collection)
);
-- Backups: a run each, and what became of its manifest, which is as the offsite store lists it.
IF OBJECT_ID(N'sluss.backup_run', N'U') IS NULL
CREATE TABLE sluss.backup_run (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    number bigint NOT NULL,
    state varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL,
    instant bigint NOT NULL,
    ended_at bigint NULL,
    documents bigint NOT NULL,
    bytes bigint NOT NULL,
    only_in_sql bigint NOT NULL,
    left_out bigint NOT NULL,
    objects_copied bigint NOT NULL,
    bytes_copied bigint NOT NULL,
    reason nvarchar(4000) NULL,
    manifest nvarchar(4000) NULL,
    CONSTRAINT backup_run_key PRIMARY KEY (tenant, number)
);
-- Objects of the offsite store that are not what a manifest says, until a run has copied them anew.
IF OBJECT_ID(N'sluss.backup_bad', N'U') IS NULL
CREATE TABLE sluss.backup_bad (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    object varchar(36) COLLATE Latin1_General_100_BIN2 NOT NULL,
    held nvarchar(max) NOT NULL,
    what nvarchar(4000) NOT NULL,
    found_at bigint NOT NULL,
    CONSTRAINT backup_bad_key PRIMARY KEY (tenant, object)
);
