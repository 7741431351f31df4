//! The customer's own table: what its programs do behind our back shows, and what we demand of it is said by name.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use sluss::clock::Clock;
use sluss::config::{CollectionConfig, ColumnValue, TenantColumn};
use sluss::model::document::{ContentColumn, Holder};
use sluss::model::id::{DocId, IdKind};
use sluss::model::phase::Phase;
use sluss::model::stamp::{Revision, Stamp};
use sluss::store::error::StoreErrorKind;
use sluss::store::sql::{Change, Commit, NewAttributes, Recorded, SqlStore, UploadPurpose};
use sluss::store::sqlite::{SqliteFile, SqliteTenant, init};
use tempfile::TempDir;

use crate::support::sqlite::{clock, collection, open_file, settings};
use crate::support::{World, bare, inline, lettered, mint, numbered, point_of, store_of};

async fn every_write_straight_to_sql_gives_a_revision_that_was_never_used(w: World) {
    for (key, other) in [(numbered(1), DocId::Integer(2)), (lettered("a"), DocId::Text("b".into())), (bare("a"), DocId::Text("b".into()))] {
        let renamed = sluss::model::id::DocKey { id: other.clone(), ..key.clone() };
        let mut used: HashSet<Revision> = HashSet::new();
        let mut last = 0;
        let mut fresh = |revision: Revision| {
            assert!(revision.0 > last && used.insert(revision), "{revision:?} after {last}");
            last = revision.0;
        };
        for _ in 0..2 {
            w.customer.insert(&key, Some(b"one"));
            fresh(w.revision(&key).await);
            w.customer.touch(&key);
            fresh(w.revision(&key).await);
            w.customer.set_content(&key, None);
            fresh(w.revision(&key).await);
            w.customer.replace(&key, Some(b"two"));
            fresh(w.revision(&key).await);
            w.store(&key, b"three").await;
            fresh(w.revision(&key).await);
            w.customer.rename(&key, &other);
            fresh(w.revision(&renamed).await);
            w.customer.delete(&renamed);
        }
    }
}

async fn an_id_that_is_replaced_starts_clean(w: World) {
    w.flip_to(Phase::Object).await;
    for (key, other) in [(numbered(1), numbered(1)), (lettered("Anna"), lettered("ANNA"))] {
        let object = w.point(&key, b"object").await;
        w.customer.replace(&other, Some(b"replaced"));
        let row = w.row(&key).await;
        assert_eq!((row.key, row.location), (other.clone(), None));
        assert_eq!(w.read(&other).await.unwrap(), b"replaced");
        assert_eq!(w.customer.versions(&key), [Stamp::Object(object.id).to_string()]);
    }
    assert_eq!(w.sql.remaining().await.unwrap().sole, 0);
}

async fn a_changed_id_takes_its_location_along(w: World) {
    w.flip_to(Phase::Object).await;
    for (key, to) in
        [(numbered(1), DocId::Integer(2)), (lettered("anna"), DocId::Text("Berta".into())), (lettered("carl"), DocId::Text("CARL".into()))]
    {
        let object = w.point(&key, b"object").await;
        w.customer.rename(&key, &to);
        let row = w.row(&sluss::model::id::DocKey { id: to.clone(), ..key.clone() }).await;
        assert_eq!((row.key.id.clone(), row.truth().holder), (to, Holder::Object));
        assert_eq!(row.location.unwrap().object, Some(object));
        assert!(w.customer.versions(&key).is_empty());
    }
    assert_eq!(w.holder(&numbered(1)).await, Holder::NoDocument);
}

on_every_backend!(
    every_write_straight_to_sql_gives_a_revision_that_was_never_used,
    an_id_that_is_replaced_starts_clean,
    a_changed_id_takes_its_location_along,
);

/// A file with a table of the customer's, for what only SQLite has.
struct Ground {
    _folder: TempDir,
    path: PathBuf,
}

impl Ground {
    fn new(tables: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("acme.db");
        Connection::open(&path).unwrap().execute_batch(tables).unwrap();
        Self { _folder: folder, path }
    }

    async fn init(&self, config: CollectionConfig) -> Result<SqliteTenant, String> {
        let settings = settings(vec![config]);
        init(&open_file(&self.path), &settings).await.map_err(|error| error.chain())?;
        Ok(SqliteTenant::new(open_file(&self.path), &settings, clock()))
    }

    fn run(&self, statements: &str) {
        Connection::open(&self.path).unwrap().execute_batch(statements).unwrap();
    }
}

#[tokio::test]
async fn init_names_what_is_missing_or_unfit() {
    let config = |change: &dyn Fn(&mut CollectionConfig)| {
        let mut config = collection("bare");
        change(&mut config);
        config
    };
    let text_id = |config: &mut CollectionConfig| config.id_kind = IdKind::Text;
    let integer_id = |config: &mut CollectionConfig| config.id_kind = IdKind::Integer;
    let uuid_id = |config: &mut CollectionConfig| config.id_kind = IdKind::Uuid;
    let bare = "CREATE TABLE bare (id TEXT PRIMARY KEY, content BLOB)";
    let cases: [(&str, CollectionConfig, &[&str]); 14] = [
        (bare, config(&|config| config.table = "papers".into()), &["\"papers\"", "no table"]),
        (bare, config(&|config| config.content_column = "body".into()), &["\"bare\"", "\"body\""]),
        (bare, config(&|config| config.modified_column = Some("changed".into())), &["\"changed\""]),
        (bare, config(&integer_id), &["\"id\"", "id_type"]),
        ("CREATE TABLE bare (id INTEGER PRIMARY KEY, content BLOB)", config(&text_id), &["\"id\"", "id_type"]),
        ("CREATE TABLE bare (id TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID", config(&text_id), &["WITHOUT ROWID"]),
        ("CREATE TABLE bare (id TEXT, content BLOB)", config(&text_id), &["\"id\"", "not unique"]),
        ("CREATE TABLE bare (id TEXT PRIMARY KEY, content BLOB NOT NULL)", config(&text_id), &["\"content\"", "NOT NULL"]),
        (bare, config(&|config| config.nullability = ContentColumn::NotNull), &["\"content\"", "takes NULL"]),
        (
            "CREATE TABLE bare (id TEXT, content BLOB); CREATE UNIQUE INDEX u ON bare (id, lower(content))",
            config(&text_id),
            &["not unique"],
        ),
        (
            "CREATE TABLE bare (id TEXT PRIMARY KEY, content BLOB); INSERT INTO bare (id) VALUES ('6f9619ff-8B86-d011-b42d-00cf4fc964ff')",
            config(&uuid_id),
            &["6f9619ff-8B86", "id_type"],
        ),
        (
            "CREATE TABLE bare (id PRIMARY KEY, content BLOB); INSERT INTO bare (id) VALUES (x'6f9619ff8b86d011b42d00cf4fc964ff')",
            config(&uuid_id),
            &["36 characters"],
        ),
        (
            "CREATE TABLE bare (id TEXT PRIMARY KEY, content BLOB); \
             INSERT INTO bare (id) VALUES ('6f9619ff-8b86-d011-b42d-00cf4fc964ff'), ('6F9619FF-8B86-D011-B42D-00CF4FC964FF')",
            config(&uuid_id),
            &["twice"],
        ),
        ("CREATE VIEW bare AS SELECT 1 AS id, 2 AS content", config(&text_id), &["no table"]),
    ];
    for (table, config, words) in cases {
        let ground = Ground::new(table);
        let Err(error) = ground.init(config).await else { panic!("{table} was taken") };
        assert!(words.iter().all(|word| error.contains(word)), "{table}: {error}");
        let ours = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sluss%'";
        assert_eq!(Connection::open(&ground.path).unwrap().query_row(ours, [], |row| row.get::<_, u64>(0)).unwrap(), 0);
    }
}

#[tokio::test]
async fn init_takes_an_id_with_a_unique_index_of_its_own() {
    let ground = Ground::new(
        "CREATE TABLE bare (n INTEGER PRIMARY KEY, id VARCHAR(40) COLLATE NOCASE, content BLOB); CREATE UNIQUE INDEX u ON bare (id)",
    );
    let sql = ground.init(collection("bare")).await.unwrap();
    ground.run("INSERT INTO bare VALUES (7, 'Anna', 'x'), (8, NULL, 'nameless')");
    assert_eq!(sql.row(&bare("ANNA")).await.unwrap().key, bare("Anna"));
    assert_eq!(sql.scan(&bare("x").collection, None, 10).await.unwrap().rows.len(), 1);
    assert!(ground.init(collection("bare")).await.is_ok());
}

#[tokio::test]
async fn rows_from_before_get_revisions_and_a_second_init_changes_nothing() {
    let ground =
        Ground::new("CREATE TABLE bare (id TEXT PRIMARY KEY, content BLOB); INSERT INTO bare VALUES ('a', 'x'), ('b', NULL), ('c', x'')");
    let sql = ground.init(collection("bare")).await.unwrap();
    let look = async |sql: &SqliteTenant| {
        let mut seen = Vec::new();
        for id in ["a", "b", "c"] {
            let row = sql.row(&bare(id)).await.unwrap();
            seen.push((row.document.unwrap().revision.0, row.state.phase));
        }
        seen
    };
    let before = look(&sql).await;
    assert_eq!(before.iter().map(|(revision, _)| revision).collect::<HashSet<_>>().len(), 3);
    ground.run("UPDATE sluss_state SET phase = 'dual'");
    let sql = ground.init(collection("bare")).await.unwrap();
    let after = look(&sql).await;
    assert_eq!(after, before.into_iter().map(|(revision, _)| (revision, Phase::Dual)).collect::<Vec<_>>());
}

/// The way SQLite's documentation gives for changing a table: a new one, filled, and renamed. It takes our triggers away.
#[tokio::test]
async fn a_table_made_anew_is_compared_anew_after_init() {
    let ground = Ground::new("CREATE TABLE bare (id TEXT PRIMARY KEY, content BLOB); INSERT INTO bare VALUES ('a', 'old'), ('gone', 'x')");
    let sql = ground.init(collection("bare")).await.unwrap();
    let before = sql.row(&bare("a")).await.unwrap().document.unwrap().revision;
    ground.run(
        "CREATE TABLE other (id TEXT PRIMARY KEY, content BLOB); INSERT INTO other SELECT * FROM bare WHERE id = 'a'; \
         DROP TABLE bare; ALTER TABLE other RENAME TO bare; UPDATE bare SET content = 'unseen'",
    );
    let sql = ground.init(collection("bare")).await.unwrap();
    let row = sql.row(&bare("a")).await.unwrap();
    assert!(row.document.unwrap().revision.0 > before.0);
    assert_eq!(row.inline.as_deref(), Some(&b"unseen"[..]));
    assert!(sql.row(&bare("gone")).await.unwrap().document.is_none());
}

/// A REPLACE that clashes on another column removes a row that no trigger of SQLite's names.
#[tokio::test]
async fn a_location_whose_row_went_unseen_does_not_remain_and_init_retires_it() {
    let ground = Ground::new(
        "CREATE TABLE bare (id TEXT PRIMARY KEY, name TEXT UNIQUE, content BLOB); INSERT INTO bare VALUES ('a', 'clash', NULL)",
    );
    let sql = ground.init(collection("bare")).await.unwrap();
    ground.run("UPDATE sluss_state SET phase = 'object'");
    let (fresh, epoch) = (mint(), sql.state().await.unwrap().epoch);
    assert_eq!(sql.record_upload(&fresh, UploadPurpose::Write, epoch).await.unwrap(), Recorded::Yes);
    assert!(matches!(sql.commit(&bare("a"), epoch, point_of(fresh.stored(), b"x")).await.unwrap(), Commit::Done(_)));
    assert_eq!(sql.remaining().await.unwrap().sole, 1);
    ground.run("INSERT OR REPLACE INTO bare VALUES ('b', 'clash', 'x')");
    assert_eq!(sql.remaining().await.unwrap().sole, 0);
    assert!(sql.row(&bare("a")).await.unwrap().location.is_some());
    ground.init(collection("bare")).await.unwrap();
    assert!(sql.row(&bare("a")).await.unwrap().location.is_none());
}

#[tokio::test]
async fn two_processes_may_init_a_new_file_at_once() {
    let ground = Ground::new("CREATE TABLE bare (id TEXT PRIMARY KEY, content BLOB)");
    let inits = (0..8).map(|_| ground.init(collection("bare")));
    for sql in futures_util::future::join_all(inits).await {
        assert_eq!(sql.unwrap().state().await.unwrap().phase, Phase::Sql);
    }
}

#[tokio::test]
async fn a_trigger_of_the_customers_that_changes_the_row_again_is_seen() {
    let ground = Ground::new(
        "CREATE TABLE bare (id TEXT PRIMARY KEY, seen INTEGER DEFAULT 0, content BLOB); \
         CREATE TRIGGER audit AFTER UPDATE OF content ON bare BEGIN UPDATE bare SET seen = seen + 1 WHERE id = NEW.id; END",
    );
    let sql = ground.init(collection("bare")).await.unwrap();
    let epoch = sql.state().await.unwrap().epoch;
    for bytes in [b"one", b"two"] {
        let Commit::Done(committed) = sql.commit(&bare("a"), epoch, store_of(inline(bytes))).await.unwrap() else { panic!("not done") };
        let row = sql.row(&bare("a")).await.unwrap();
        assert_eq!(row.truth().stamp, committed.stamp);
    }
}

#[tokio::test]
async fn a_constraint_that_rolls_back_by_itself_is_a_refusal_too() {
    let ground = Ground::new(
        "CREATE TABLE bare (id TEXT PRIMARY KEY, name TEXT UNIQUE ON CONFLICT ROLLBACK, content BLOB); INSERT INTO bare VALUES ('a', 'taken', NULL)",
    );
    let sql = ground.init(CollectionConfig { file_name_column: Some("name".into()), ..collection("bare") }).await.unwrap();
    let epoch = sql.state().await.unwrap().epoch;
    let attributes = NewAttributes { file_name: Some("taken".into()), ..NewAttributes::default() };
    let change = Change::Store { content: inline(b"x"), attributes, precondition: Default::default() };
    assert!(matches!(sql.commit(&bare("b"), epoch, change).await.unwrap(), Commit::Refused(_)));
    assert!(matches!(sql.commit(&bare("b"), epoch, store_of(inline(b"x"))).await.unwrap(), Commit::Done(_)));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_unavailable_and_is_not_made() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gone.db");
    let file = SqliteFile::new(&path, 2, Duration::from_secs(1), false).unwrap();
    let sql = SqliteTenant::new(file, &settings(vec![collection("bare")]), clock());
    assert_eq!(sql.row(&bare("a")).await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_time_that_is_none_counts_as_absent() {
    let ground = Ground::new("CREATE TABLE bare (id TEXT PRIMARY KEY, at, content BLOB)");
    let sql = ground.init(CollectionConfig { modified_column: Some("at".into()), ..collection("bare") }).await.unwrap();
    let noon = Some(clock().now());
    let cases = [
        ("'2026-03-01 12:00:00'", noon),
        ("'2026-03-01T12:00:00Z'", noon),
        ("'2026-03-01T14:00:00+02:00'", noon),
        ("1772366400", noon),
        ("NULL", None),
        ("'yesterday'", None),
        ("9e99", None),
        ("9223372036854775807", None),
    ];
    for (value, expected) in cases {
        ground.run(&format!("INSERT OR REPLACE INTO bare VALUES ('a', {value}, 'x')"));
        assert_eq!(sql.row(&bare("a")).await.unwrap().document.unwrap().attributes.modified, expected, "{value}");
    }
}

/// SQLite's columns take values of other types than they say; the walk goes on, and says so.
#[tokio::test]
async fn a_row_that_is_not_as_configured_keeps_no_walk_from_the_others() {
    let ground = Ground::new("CREATE TABLE bare (id PRIMARY KEY, content)");
    let sql = ground.init(collection("bare")).await.unwrap();
    ground.run("INSERT INTO bare VALUES (7, 'a number for an id'), ('a', 12.5), ('b', 'x'), ('c', 'y')");
    let name = bare("b").collection;
    let ids = |rows: Vec<sluss::model::document::DocRow>| rows.into_iter().map(|row| row.key).collect::<Vec<_>>();
    let page = sql.scan(&name, None, 3).await.unwrap();
    assert_eq!(page.next, Some(bare("b").id));
    assert_eq!(ids(page.rows), [bare("b")]);
    assert_eq!(ids(sql.scan(&name, page.next.as_ref(), 3).await.unwrap().rows), [bare("c")]);
    assert_eq!(ids(sql.changes(&name, 10).await.unwrap().rows), [bare("b"), bare("c")]);
}

/// With ids that are unique in the whole table, another tenant's REPLACE takes a row away without a word.
#[tokio::test]
async fn a_row_that_another_tenant_replaced_leaves_no_location() {
    let ground =
        Ground::new("CREATE TABLE bare (id TEXT PRIMARY KEY, owner TEXT, content BLOB); INSERT INTO bare VALUES ('a', 'acme', NULL)");
    let tenant = Some(TenantColumn { column: "owner".to_owned(), value: ColumnValue::Text("acme".to_owned()) });
    let sql = ground.init(CollectionConfig { tenant, ..collection("bare") }).await.unwrap();
    ground.run("UPDATE sluss_state SET phase = 'object'");
    let (fresh, epoch) = (mint(), sql.state().await.unwrap().epoch);
    assert_eq!(sql.record_upload(&fresh, UploadPurpose::Write, epoch).await.unwrap(), Recorded::Yes);
    assert!(matches!(sql.commit(&bare("a"), epoch, point_of(fresh.stored(), b"x")).await.unwrap(), Commit::Done(_)));
    ground.run("INSERT OR REPLACE INTO bare VALUES ('a', 'globex', 'x')");
    let row = sql.row(&bare("a")).await.unwrap();
    assert!(row.document.is_none() && row.location.is_none());
}
