-- The control database: who runs, who operates, and what was done.
IF OBJECT_ID(N'sluss.process', N'U') IS NULL
CREATE TABLE sluss.process (
    name nvarchar(200) NOT NULL CONSTRAINT process_key PRIMARY KEY,
    role varchar(16) NOT NULL,
    version varchar(64) NOT NULL,
    started_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    works bit NOT NULL
);
-- What operators set on the agents' work; '' stands for all tenants together.
IF OBJECT_ID(N'sluss.limit_set', N'U') IS NULL
CREATE TABLE sluss.limit_set (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT limit_set_key PRIMARY KEY,
    documents_per_second bigint NULL,
    bytes_per_second bigint NULL,
    concurrency bigint NULL,
    paused bit NOT NULL
);
IF OBJECT_ID(N'sluss.operator', N'U') IS NULL
CREATE TABLE sluss.operator (
    name nvarchar(200) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT operator_key PRIMARY KEY,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL
);
IF OBJECT_ID(N'sluss.audit', N'U') IS NULL
CREATE TABLE sluss.audit (
    number bigint NOT NULL CONSTRAINT audit_key PRIMARY KEY,
    at bigint NOT NULL,
    actor nvarchar(400) NOT NULL,
    on_behalf_of nvarchar(4000) NULL,
    action varchar(64) NOT NULL,
    tenant varchar(63) NULL,
    detail nvarchar(max) NOT NULL,
    hash varchar(64) NOT NULL
);
-- One row: the name of this installation, given once, by which it owns placements.
IF OBJECT_ID(N'sluss.installation', N'U') IS NULL
CREATE TABLE sluss.installation (
    one int NOT NULL CONSTRAINT installation_key PRIMARY KEY,
    name varchar(36) NOT NULL
);
-- What was seen of each tenant's placements, and when.
IF OBJECT_ID(N'sluss.evidence', N'U') IS NULL
CREATE TABLE sluss.evidence (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    placement varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL,
    place nvarchar(4000) NOT NULL,
    at bigint NOT NULL,
    findings nvarchar(max) NOT NULL,
    CONSTRAINT evidence_key PRIMARY KEY (tenant, placement)
);
-- How far each tenant's database was seen to have come.
IF OBJECT_ID(N'sluss.tick_seen', N'U') IS NULL
CREATE TABLE sluss.tick_seen (
    tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT tick_seen_key PRIMARY KEY,
    epoch bigint NOT NULL,
    tick bigint NOT NULL
);
