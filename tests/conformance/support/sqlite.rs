//! The world on SQLite files in a temporary folder. The second process of the world is a second set of connections.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, ToSql, params};
use sluss::clock::ManualClock;
use sluss::config::{CollectionConfig, ColumnValue, CreateRule, DeleteRule, TenantColumn};
use sluss::model::document::ContentColumn;
use sluss::model::id::{DocId, DocKey, IdKind};
use sluss::model::phase::Phase;
use sluss::store::settings::{PlacementSettings, TenantSettings};
use sluss::store::sqlite::{SqliteControl, SqliteFile, SqliteTenant, init};
use tempfile::TempDir;

use super::{BARE, COUNTED, Customer, DOCUMENTS, DRAWN, FUSSY, GUIDS, LETTERS, ORPHANS, Peer, SHARED, SPOKEN, TENANT, World};

const TABLES: &str = r#"
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, owner TEXT, media_type TEXT, file_name TEXT CHECK (file_name <> 'forbidden.txt'), modified TEXT, content BLOB
);
CREATE TABLE "the ""letters""'s" (
    "its id" TEXT COLLATE NOCASE PRIMARY KEY, owner TEXT, "type;" TEXT, "select" TEXT, "changed-at" INTEGER, "the ""body""" BLOB
);
CREATE TABLE bare (id TEXT PRIMARY KEY NOT NULL, content BLOB);
CREATE TABLE guids (id TEXT PRIMARY KEY NOT NULL, gone TEXT, kind TEXT NOT NULL, file_name TEXT, content BLOB);
CREATE TABLE shared (customer INTEGER NOT NULL, id INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (customer, id));
CREATE TABLE counted (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, writer TEXT, media_type TEXT,
    file_name TEXT CHECK (file_name <> 'forbidden.txt'), content BLOB
);
CREATE TABLE counted_log (n INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);
INSERT INTO counted_log (n) VALUES (1000);
CREATE TRIGGER counted_noted AFTER INSERT ON counted BEGIN
    INSERT INTO counted_log (what) VALUES (NEW.id);
    UPDATE counted SET writer = 'trigger' WHERE id = NEW.id;
END;
CREATE TABLE drawn (
    customer INTEGER NOT NULL,
    id TEXT NOT NULL DEFAULT (lower(printf('%s-%s-4%s-a%s-%s', hex(randomblob(4)), hex(randomblob(2)), substr(hex(randomblob(2)), 2),
        substr(hex(randomblob(2)), 2), hex(randomblob(6))))),
    content BLOB NOT NULL, PRIMARY KEY (customer, id)
);
CREATE TABLE spoken (id TEXT PRIMARY KEY, content BLOB);
CREATE TRIGGER spoken_named AFTER INSERT ON spoken WHEN NEW.id IS NULL BEGIN
    UPDATE spoken SET id = 'Ärende/文書 ' || lower(hex(randomblob(8))) WHERE rowid = NEW.rowid;
END;
CREATE TABLE fussy (id INTEGER PRIMARY KEY, file_name TEXT NOT NULL UNIQUE, content BLOB);
CREATE TABLE kinds (name TEXT PRIMARY KEY);
CREATE TABLE orphans (id INTEGER PRIMARY KEY, kind TEXT REFERENCES kinds DEFERRABLE INITIALLY DEFERRED, content BLOB);
"#;

pub(crate) fn collection(name: &str) -> CollectionConfig {
    let column = |name: &str| Some(name.to_owned());
    let plain = |table: &str, id_kind| CollectionConfig::plain(name.parse().unwrap(), table, "id", id_kind, "content");
    match name {
        DOCUMENTS => CollectionConfig {
            media_type_column: column("media_type"),
            file_name_column: column("file_name"),
            modified_column: column("modified"),
            ..plain("documents", IdKind::Integer)
        },
        LETTERS => CollectionConfig {
            id_column: "its id".to_owned(),
            content_column: r#"the "body""#.to_owned(),
            media_type_column: column("type;"),
            file_name_column: column("select"),
            modified_column: column("changed-at"),
            ..plain(r#"the "letters"'s"#, IdKind::Text)
        },
        BARE => plain("bare", IdKind::Text),
        GUIDS => CollectionConfig {
            file_name_column: column("file_name"),
            soft_delete_column: column("gone"),
            delete: DeleteRule::Soft,
            defaults: vec![("kind".to_owned(), ColumnValue::Text("o'clock".to_owned()))],
            ..plain("guids", IdKind::Uuid)
        },
        SHARED => CollectionConfig {
            nullability: ContentColumn::NotNull,
            tenant: Some(TenantColumn { column: "customer".to_owned(), value: ColumnValue::Integer(OURS) }),
            create: CreateRule::Existing,
            delete: DeleteRule::Content,
            ..plain("shared", IdKind::Integer)
        },
        COUNTED => CollectionConfig {
            media_type_column: column("media_type"),
            file_name_column: column("file_name"),
            defaults: vec![("kind".to_owned(), ColumnValue::Text("o'clock".to_owned()))],
            ..plain("counted", IdKind::Integer)
        },
        DRAWN => CollectionConfig {
            nullability: ContentColumn::NotNull,
            tenant: Some(TenantColumn { column: "customer".to_owned(), value: ColumnValue::Integer(OURS) }),
            ..plain("drawn", IdKind::Uuid)
        },
        SPOKEN => plain("spoken", IdKind::Text),
        FUSSY => CollectionConfig { file_name_column: column("file_name"), ..plain("fussy", IdKind::Integer) },
        ORPHANS => CollectionConfig {
            defaults: vec![("kind".to_owned(), ColumnValue::Text("unheard of".to_owned()))],
            ..plain("orphans", IdKind::Integer)
        },
        other => panic!("no collection {other}"),
    }
}

pub(crate) fn settings(collections: Vec<CollectionConfig>) -> TenantSettings {
    TenantSettings {
        id: TENANT.parse().unwrap(),
        initial_phase: Phase::Sql,
        mirror: false,
        history: true,
        collections,
        placements: vec![PlacementSettings { name: "local".parse().unwrap(), description: "nowhere".to_owned() }],
    }
}

pub(crate) fn all_collections() -> TenantSettings {
    settings([DOCUMENTS, LETTERS, BARE, GUIDS, SHARED].map(collection).to_vec())
}

/// The other tenant of the shared table.
fn neighbours() -> TenantSettings {
    let config = collection(SHARED);
    let tenant = Some(TenantColumn { column: "customer".to_owned(), value: ColumnValue::Integer(THEIRS) });
    TenantSettings { id: "globex".parse().unwrap(), ..settings(vec![CollectionConfig { tenant, ..config }]) }
}

/// What the shared table's rows of the two tenants have in their column.
const OURS: i64 = 4711;
const THEIRS: i64 = 4712;

/// A clock that stands at a whole second, so that a time column of seconds can show it.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()))
}

pub(crate) fn open_file(path: &Path) -> Arc<SqliteFile> {
    SqliteFile::new(path, 8, Duration::from_secs(60), true).unwrap()
}

pub(crate) async fn world() -> World {
    world_with(&all_collections()).await
}

pub(crate) async fn world_with(settings: &TenantSettings) -> World {
    let folder = TempDir::new().unwrap();
    let (documents, control) = (folder.path().join("acme.db"), folder.path().join("control.db"));
    Connection::open(&documents).unwrap().execute_batch(TABLES).unwrap();
    init(&open_file(&documents), settings).await.unwrap();
    init(&open_file(&documents), &neighbours()).await.unwrap();
    let clock = clock();
    let process = || process(&documents, &control, settings, &clock);
    let (here, peer) = (process().await, process().await);
    let customer = Arc::new(Writer::new(&documents, &control));
    let neighbour = Arc::new(SqliteTenant::new(open_file(&documents), &neighbours(), clock.clone()));
    let Peer { sql, jobs, control } = here;
    World { sql, jobs, control, clock: Arc::clone(&clock), customer, peer, neighbour, _ground: Box::new(folder) }
}

async fn process(documents: &Path, control: &Path, settings: &TenantSettings, clock: &Arc<ManualClock>) -> Peer {
    let tenant = Arc::new(SqliteTenant::new(open_file(documents), settings, clock.clone()));
    let control = SqliteControl::open(open_file(control), clock.clone()).await.unwrap();
    Peer { sql: tenant.clone(), jobs: tenant, control: Arc::new(control) }
}

/// The customer on a connection of its own, with nothing set but the time it waits.
struct Writer {
    connection: Mutex<Connection>,
    control: PathBuf,
}

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
        other: "id",
        modified: None,
        further: "",
        values: "",
        ours: "",
        nullable: true,
    };
    match key.collection.as_str() {
        DOCUMENTS => Names { other: "owner", modified: Some("modified"), ..plain("documents") },
        LETTERS => Names {
            id: r#""its id""#,
            content: r#""the ""body""""#,
            other: "owner",
            modified: Some(r#""changed-at""#),
            ..plain(r#""the ""letters""'s""#)
        },
        GUIDS => Names { other: "kind", further: ", kind", values: ", 'theirs'", ..plain("guids") },
        COUNTED => plain("counted"),
        DRAWN => Names { ours: " AND customer = 4711", ..plain("drawn") },
        SPOKEN => plain("spoken"),
        FUSSY => plain("fussy"),
        ORPHANS => plain("orphans"),
        SHARED => Names { further: ", customer", values: ", 4711", ours: " AND customer = 4711", nullable: false, ..plain("shared") },
        _ => plain("bare"),
    }
}

impl Writer {
    fn new(documents: &Path, control: &Path) -> Self {
        let connection = Connection::open(documents).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        Self { connection: Mutex::new(connection), control: control.to_owned() }
    }

    fn run(&self, statement: &str, parameters: &[&dyn ToSql]) {
        self.connection.lock().unwrap().execute(statement, parameters).unwrap();
    }

    fn count(&self, table: &str) -> u64 {
        self.connection.lock().unwrap().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    fn on_control(&self, statement: &str, parameters: &[&dyn ToSql]) {
        assert_eq!(Connection::open(&self.control).unwrap().execute(statement, parameters).unwrap(), 1);
    }
}

impl Customer for Writer {
    fn insert(&self, key: &DocKey, content: Option<&[u8]>) {
        let Names { table, id, content: column, further, values, nullable, .. } = names(key);
        let content = if nullable { content } else { content.or(Some(b"")) };
        self.run(&format!("INSERT INTO {table} ({id}, {column}{further}) VALUES (?1, ?2{values})"), &[&key.id, &content]);
    }

    fn replace(&self, key: &DocKey, content: Option<&[u8]>) {
        let Names { table, id, content: column, further, values, nullable, .. } = names(key);
        let content = if nullable { content } else { content.or(Some(b"")) };
        self.run(&format!("INSERT OR REPLACE INTO {table} ({id}, {column}{further}) VALUES (?1, ?2{values})"), &[&key.id, &content]);
    }

    fn set_content(&self, key: &DocKey, content: Option<&[u8]>) {
        let Names { table, id, content: column, ours, nullable, .. } = names(key);
        let content = if nullable { content } else { content.or(Some(b"")) };
        self.run(&format!("UPDATE {table} SET {column} = ?2 WHERE {id} = ?1{ours}"), &[&key.id, &content]);
    }

    fn touch(&self, key: &DocKey) {
        let Names { table, id, other, ours, .. } = names(key);
        self.run(&format!("UPDATE {table} SET {other} = {other} WHERE {id} = ?1{ours}"), &[&key.id]);
    }

    fn rename(&self, key: &DocKey, to: &DocId) {
        let Names { table, id, ours, .. } = names(key);
        self.run(&format!("UPDATE {table} SET {id} = ?2 WHERE {id} = ?1{ours}"), &[&key.id, to]);
    }

    fn delete(&self, key: &DocKey) {
        let Names { table, id, ours, .. } = names(key);
        self.run(&format!("DELETE FROM {table} WHERE {id} = ?1{ours}"), &[&key.id]);
    }

    fn mark(&self, key: &DocKey, deleted: bool) {
        let mark = deleted.then_some("2026-03-01");
        self.run("UPDATE guids SET gone = ?2 WHERE id = ?1", &[&key.id, &mark]);
    }

    fn give_away(&self, key: &DocKey) -> Result<(), String> {
        let given =
            self.connection.lock().unwrap().execute("UPDATE shared SET customer = 4712 WHERE id = ?1 AND customer = 4711", [&key.id]);
        given.map(|_| ()).map_err(|error| error.to_string())
    }

    fn column(&self, key: &DocKey, column: &str) -> Option<String> {
        let Names { table, id, ours, .. } = names(key);
        let statement = format!("SELECT CAST({column} AS TEXT) FROM {table} WHERE {id} = ?1{ours}");
        self.connection.lock().unwrap().query_row(&statement, [&key.id], |row| row.get(0)).unwrap()
    }

    fn content(&self, key: &DocKey) -> Option<Vec<u8>> {
        let Names { table, id, content, ours, .. } = names(key);
        let statement = format!("SELECT {content} FROM {table} WHERE {id} = ?1{ours}");
        self.connection.lock().unwrap().query_row(&statement, [&key.id], |row| row.get(0)).unwrap()
    }

    fn modified(&self, key: &DocKey) -> Option<String> {
        self.column(key, names(key).modified.expect("a collection with a time"))
    }

    fn versions(&self, key: &DocKey) -> Vec<String> {
        let connection = self.connection.lock().unwrap();
        let statement = "SELECT stamp FROM sluss_version WHERE tenant = ?1 AND collection = ?2 AND document = ?3 ORDER BY number";
        let mut statement = connection.prepare(statement).unwrap();
        let found = statement.query_map(params![TENANT, key.collection.as_str(), key.id.to_string()], |row| row.get(0)).unwrap();
        found.collect::<rusqlite::Result<_>>().unwrap()
    }

    fn staged_pieces(&self) -> u64 {
        self.count("sluss_staging_piece")
    }

    fn uploads(&self) -> u64 {
        self.count("sluss_upload")
    }

    fn raise_epoch(&self) {
        self.run("UPDATE sluss_state SET epoch = epoch + 1", &[]);
    }

    fn forget_the_tenant(&self) {
        self.run("DELETE FROM sluss_state", &[]);
    }

    fn alter_audit(&self, number: u64, column: &str, value: &str) {
        self.on_control(&format!("UPDATE sluss_audit SET {column} = ?2 WHERE number = ?1"), &[&number, &value]);
    }

    fn remove_audit(&self, number: u64) {
        self.on_control("DELETE FROM sluss_audit WHERE number = ?1", &[&number]);
    }
}
