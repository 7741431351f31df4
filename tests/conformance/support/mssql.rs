//! The world on SQL Server: on the test server, or on a real one where the environment names it. The second process of the world is a second
//! set of connections. The control database is the same one: its tables have other names.

use std::sync::Arc;
use std::time::Duration;

use sluss::clock::ManualClock;
use sluss::config::ColumnValue;
use sluss::config::{CollectionConfig, CreateRule, DeleteRule, Encryption, SecretSource, SqlServerConfig, TenantColumn, Trust};
use sluss::model::document::ContentColumn;
use sluss::model::id::{DocId, DocKey, IdKind};
use sluss::store::mssql::{ConnectionLimit, SqlServer, SqlServerControl, SqlServerTenant, init};
use sluss::store::settings::TenantSettings;
use sluss_tds::client::{Client, Found, Given};
use sluss_tds::ground::Ground;

use super::{BARE, COUNTED, Customer, DOCUMENTS, DRAWN, FUSSY, GUIDS, LETTERS, ORPHANS, Peer, SHARED, SPOKEN, TENANT, World, sqlite};

/// With a rowversion and without, with ids of every family, and with names that need quoting.
const TABLES: &str = r#"
CREATE TABLE dbo.documents (
    id bigint NOT NULL PRIMARY KEY, owner nvarchar(50) NULL, media_type nvarchar(200) NULL,
    file_name nvarchar(400) NULL CONSTRAINT no_such_name CHECK (file_name <> 'forbidden.txt'),
    modified datetime2(0) NULL, rv rowversion NOT NULL, content varbinary(max) NULL
);
CREATE TABLE dbo.[the "letters"]]s] (
    [its id] varchar(200) COLLATE Latin1_General_CI_AS NOT NULL PRIMARY KEY, owner nvarchar(50) NULL, [type;] varchar(200) NULL,
    [select] nvarchar(400) NULL, [changed-at] bigint NULL, [the "body"]]] varbinary(max) NULL
);
CREATE TABLE dbo.bare (id nvarchar(400) COLLATE Latin1_General_100_BIN2 NOT NULL PRIMARY KEY, content varbinary(max) NULL);
CREATE TABLE dbo.guids (
    id uniqueidentifier NOT NULL PRIMARY KEY, gone datetime2(0) NULL, kind nvarchar(50) NOT NULL, file_name nvarchar(400) NULL,
    rv rowversion NOT NULL, content varbinary(max) NULL
);
CREATE TABLE dbo.shared (customer int NOT NULL, id int NOT NULL, content varbinary(max) NOT NULL, PRIMARY KEY (customer, id));
CREATE TABLE dbo.counted (
    id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, kind nvarchar(50) NOT NULL, writer nvarchar(50) NULL, media_type nvarchar(200) NULL,
    file_name nvarchar(400) NULL CONSTRAINT no_such_file CHECK (file_name <> 'forbidden.txt'), rv rowversion NOT NULL, content varbinary(max) NULL
);
CREATE TABLE dbo.counted_log (n bigint IDENTITY(1000, 1) NOT NULL PRIMARY KEY, what nvarchar(50) NULL);
CREATE TABLE dbo.drawn (
    customer int NOT NULL, id uniqueidentifier NOT NULL DEFAULT NEWSEQUENTIALID(), content varbinary(max) NOT NULL, PRIMARY KEY (customer, id)
);
CREATE TABLE dbo.spoken (
    id nvarchar(100) NOT NULL DEFAULT (CONCAT(N'Ärende/文書 ', CONVERT(nvarchar(36), NEWID()))) PRIMARY KEY, content varbinary(max) NULL
);
CREATE TABLE dbo.fussy (
    id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, file_name nvarchar(400) NOT NULL UNIQUE, rv rowversion NOT NULL, content varbinary(max) NULL
);
CREATE TABLE dbo.kinds (name nvarchar(50) NOT NULL PRIMARY KEY);
CREATE TABLE dbo.orphans (
    id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, kind nvarchar(50) NULL REFERENCES dbo.kinds (name), content varbinary(max) NULL
);
"#;

/// Made by a batch of its own, after the tables.
const NOTED: &str = "CREATE TRIGGER dbo.counted_noted ON dbo.counted AFTER INSERT AS BEGIN SET NOCOUNT ON; \
    INSERT INTO dbo.counted_log (what) SELECT CAST(i.id AS nvarchar(50)) FROM inserted AS i; \
    UPDATE d SET writer = N'trigger' FROM dbo.counted AS d JOIN inserted AS i ON i.id = d.id; END";

pub(crate) fn collection(name: &str) -> CollectionConfig {
    let column = |name: &str| Some(name.to_owned());
    let plain = |table: &str, id_kind| CollectionConfig::plain(name.parse().unwrap(), table, "id", id_kind, "content");
    match name {
        DOCUMENTS => CollectionConfig { revision_column: column("rv"), ..sqlite::collection(DOCUMENTS) },
        LETTERS => CollectionConfig {
            table: r#"the "letters"]s"#.to_owned(),
            content_column: r#"the "body"]"#.to_owned(),
            ..sqlite::collection(LETTERS)
        },
        BARE => sqlite::collection(BARE),
        GUIDS => CollectionConfig { revision_column: column("rv"), ..sqlite::collection(GUIDS) },
        SHARED => CollectionConfig {
            nullability: ContentColumn::NotNull,
            tenant: Some(TenantColumn { column: "customer".to_owned(), value: ColumnValue::Integer(OURS) }),
            create: CreateRule::Existing,
            delete: DeleteRule::Content,
            ..plain("shared", IdKind::Integer)
        },
        COUNTED | FUSSY => CollectionConfig { revision_column: column("rv"), ..sqlite::collection(name) },
        DRAWN | SPOKEN | ORPHANS => sqlite::collection(name),
        other => panic!("no collection {other}"),
    }
}

fn all_collections() -> TenantSettings {
    sqlite::settings([DOCUMENTS, LETTERS, BARE, GUIDS, SHARED].map(collection).to_vec())
}

/// The other tenant of the shared table.
fn neighbours() -> TenantSettings {
    let config = collection(SHARED);
    let tenant = Some(TenantColumn { column: "customer".to_owned(), value: ColumnValue::Integer(THEIRS) });
    TenantSettings { id: "globex".parse().unwrap(), ..sqlite::settings(vec![CollectionConfig { tenant, ..config }]) }
}

/// What the shared table's rows of the two tenants have in their column.
const OURS: i64 = 4711;
const THEIRS: i64 = 4712;

pub(crate) fn server(ground: &Ground) -> Arc<SqlServer> {
    let login = ground.login();
    let settings = SqlServerConfig {
        host: login.host.clone(),
        port: login.port,
        database: login.database.clone(),
        user: login.user.clone(),
        password: SecretSource::File(ground.password_file()),
        encryption: if login.encrypted { Encryption::Required } else { Encryption::Off },
        trust: Trust::Anyone,
        connections: 8,
        wait_timeout: Duration::from_secs(60),
        connect_timeout: Duration::from_secs(20),
        login_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(120),
        lock_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(60),
        multi_subnet_failover: false,
    };
    SqlServer::new(&settings, &ConnectionLimit::new(64)).unwrap()
}

pub(crate) async fn world() -> World {
    world_with(|settings| settings).await
}

pub(crate) async fn world_with(change: impl Fn(TenantSettings) -> TenantSettings) -> World {
    let ground = Ground::new().await;
    let client = ground.client();
    client.run(TABLES, &[]).unwrap();
    client.run(&format!("EXEC(N'{}')", NOTED.replace('\'', "''")), &[]).unwrap();
    let settings = change(all_collections());
    init(&server(&ground), &settings).await.unwrap();
    init(&server(&ground), &neighbours()).await.unwrap();
    let clock = sqlite::clock();
    let process = || process(&ground, &settings, &clock);
    let (here, peer) = (process().await, process().await);
    let neighbour = Arc::new(SqlServerTenant::new(server(&ground), &neighbours(), Some(clock.clone())));
    let Peer { sql, jobs, control } = here;
    World { sql, jobs, control, clock, customer: Arc::new(Writer(client)), peer, neighbour, _ground: Box::new(ground) }
}

async fn process(ground: &Ground, settings: &TenantSettings, clock: &Arc<ManualClock>) -> Peer {
    let tenant = Arc::new(SqlServerTenant::new(server(ground), settings, Some(clock.clone())));
    let control = SqlServerControl::open(server(ground), Some(clock.clone())).await.unwrap();
    Peer { sql: tenant.clone(), jobs: tenant, control: Arc::new(control) }
}

/// The customer on a connection of its own.
struct Writer(Client);

struct Names {
    table: &'static str,
    id: &'static str,
    content: &'static str,
    other: &'static str,
    modified: Option<&'static str>,
    /// What further columns an INSERT names, and their values.
    further: &'static str,
    values: &'static str,
    /// Narrows a condition to our rows.
    ours: &'static str,
    nullable: bool,
}

fn names(key: &DocKey) -> Names {
    let plain = |table| Names {
        table,
        id: "id",
        content: "content",
        other: "content",
        modified: None,
        further: "",
        values: "",
        ours: "",
        nullable: true,
    };
    match key.collection.as_str() {
        DOCUMENTS => Names { other: "owner", modified: Some("modified"), ..plain("dbo.documents") },
        LETTERS => Names {
            id: "[its id]",
            content: r#"[the "body"]]]"#,
            other: "owner",
            modified: Some("[changed-at]"),
            ..plain(r#"dbo.[the "letters"]]s]"#)
        },
        GUIDS => Names { other: "kind", further: ", kind", values: ", N'theirs'", ..plain("dbo.guids") },
        COUNTED => plain("dbo.counted"),
        DRAWN => Names { ours: " AND customer = 4711", ..plain("dbo.drawn") },
        SPOKEN => plain("dbo.spoken"),
        FUSSY => plain("dbo.fussy"),
        ORPHANS => plain("dbo.orphans"),
        SHARED => Names { further: ", customer", values: ", 4711", ours: " AND customer = 4711", nullable: false, ..plain("dbo.shared") },
        _ => plain("dbo.bare"),
    }
}

fn given(id: &DocId) -> Given {
    match id {
        DocId::Integer(id) => Given::Integer(*id),
        DocId::Text(id) => Given::Text(Some(id.clone())),
    }
}

impl Writer {
    fn run(&self, statement: &str, parameters: &[Given]) -> Vec<Vec<Found>> {
        self.0.run(statement, parameters).unwrap_or_else(|words| panic!("{statement}: {words}"))
    }

    fn content_of(key: &DocKey, content: Option<&[u8]>) -> Given {
        let content = if names(key).nullable { content } else { content.or(Some(b"")) };
        Given::Bytes(content.map(<[u8]>::to_vec))
    }

    fn text(&self, statement: &str, parameters: &[Given]) -> Option<String> {
        match self.run(statement, parameters).pop().and_then(|mut row| row.pop()) {
            Some(Found::Text(text)) => Some(text),
            Some(Found::Null) => None,
            other => panic!("{statement}: {other:?}"),
        }
    }

    fn count(&self, table: &str) -> u64 {
        match self.run(&format!("SELECT COUNT_BIG(*) FROM {table}"), &[]).pop().and_then(|mut row| row.pop()) {
            Some(Found::Integer(count)) => u64::try_from(count).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

impl Customer for Writer {
    fn insert(&self, key: &DocKey, content: Option<&[u8]>) {
        let Names { table, id, content: column, further, values, .. } = names(key);
        let statement = format!("INSERT INTO {table} ({id}, {column}{further}) VALUES (@P1, @P2{values})");
        self.run(&statement, &[given(&key.id), Self::content_of(key, content)]);
    }

    fn replace(&self, key: &DocKey, content: Option<&[u8]>) {
        let Names { table, id, content: column, further, values, ours, .. } = names(key);
        let statement = format!(
            "SET XACT_ABORT ON; BEGIN TRANSACTION; DELETE FROM {table} WHERE {id} = @P1{ours}; \
             INSERT INTO {table} ({id}, {column}{further}) VALUES (@P1, @P2{values}); COMMIT TRANSACTION;"
        );
        self.run(&statement, &[given(&key.id), Self::content_of(key, content)]);
    }

    fn set_content(&self, key: &DocKey, content: Option<&[u8]>) {
        let Names { table, id, content: column, ours, .. } = names(key);
        self.run(&format!("UPDATE {table} SET {column} = @P2 WHERE {id} = @P1{ours}"), &[given(&key.id), Self::content_of(key, content)]);
    }

    fn touch(&self, key: &DocKey) {
        let Names { table, id, other, ours, .. } = names(key);
        self.run(&format!("UPDATE {table} SET {other} = {other} WHERE {id} = @P1{ours}"), &[given(&key.id)]);
    }

    fn rename(&self, key: &DocKey, to: &DocId) {
        let Names { table, id, ours, .. } = names(key);
        self.run(&format!("UPDATE {table} SET {id} = @P2 WHERE {id} = @P1{ours}"), &[given(&key.id), given(to)]);
    }

    fn delete(&self, key: &DocKey) {
        let Names { table, id, ours, .. } = names(key);
        self.run(&format!("DELETE FROM {table} WHERE {id} = @P1{ours}"), &[given(&key.id)]);
    }

    fn mark(&self, key: &DocKey, deleted: bool) {
        let mark = deleted.then(|| "2026-03-01".to_owned());
        self.run("UPDATE dbo.guids SET gone = @P2 WHERE id = @P1", &[given(&key.id), Given::Text(mark)]);
    }

    fn give_away(&self, key: &DocKey) -> Result<(), String> {
        self.0.run("UPDATE dbo.shared SET customer = 4712 WHERE id = @P1 AND customer = 4711", &[given(&key.id)]).map(|_| ())
    }

    fn column(&self, key: &DocKey, column: &str) -> Option<String> {
        let Names { table, id, ours, .. } = names(key);
        self.text(&format!("SELECT CAST({column} AS nvarchar(400)) FROM {table} WHERE {id} = @P1{ours}"), &[given(&key.id)])
    }

    fn content(&self, key: &DocKey) -> Option<Vec<u8>> {
        let Names { table, id, content, ours, .. } = names(key);
        match self
            .run(&format!("SELECT {content} FROM {table} WHERE {id} = @P1{ours}"), &[given(&key.id)])
            .pop()
            .and_then(|mut row| row.pop())
        {
            Some(Found::Bytes(bytes)) => Some(bytes),
            Some(Found::Null) => None,
            other => panic!("{other:?}"),
        }
    }

    fn modified(&self, key: &DocKey) -> Option<String> {
        self.column(key, names(key).modified.expect("a collection with a time"))
    }

    fn versions(&self, key: &DocKey) -> Vec<String> {
        let statement = "SELECT stamp FROM sluss.version WHERE tenant = @P1 AND collection = @P2 AND document = @P3 ORDER BY number";
        // A uniqueidentifier has one spelling, in upper case.
        let id = if key.collection.as_str() == GUIDS { key.id.to_string().to_uppercase() } else { key.id.to_string() };
        let texts = [TENANT, key.collection.as_str(), &id].map(|text| Given::Text(Some(text.to_owned())));
        let stamp = |mut row: Vec<Found>| match row.pop() {
            Some(Found::Text(stamp)) => stamp,
            other => panic!("{other:?}"),
        };
        self.run(statement, &texts).into_iter().map(stamp).collect()
    }

    fn staged_pieces(&self) -> u64 {
        self.count("sluss.staging")
    }

    fn uploads(&self) -> u64 {
        self.count("sluss.upload")
    }

    fn raise_epoch(&self) {
        self.run("UPDATE sluss.state SET epoch = epoch + 1", &[]);
    }

    fn forget_the_tenant(&self) {
        self.run("DELETE FROM sluss.state", &[]);
    }

    fn alter_audit(&self, number: u64, column: &str, value: &str) {
        // The time is a number here; whatever else somebody wrote into it would be refused.
        let value_there = if column == "at" { "ISNULL(TRY_CAST(@P2 AS bigint), -1)" } else { "@P2" };
        let statement = format!("UPDATE sluss.audit SET {column} = {value_there} WHERE number = @P1");
        self.run(&statement, &[Given::Integer(number as i64), Given::Text(Some(value.to_owned()))]);
    }

    fn remove_audit(&self, number: u64) {
        self.run("DELETE FROM sluss.audit WHERE number = @P1", &[Given::Integer(number as i64)]);
    }
}
