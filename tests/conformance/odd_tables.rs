//! Tables on SQL Server that are not as one would make them today: shared ones whose ids are unique by themselves, and ones that get no foreign key.

use std::sync::Arc;

use futures_util::TryStreamExt;
use sluss::clock::Clock;
use sluss::config::{CollectionConfig, ColumnValue, TenantColumn};
use sluss::model::document::Holder;
use sluss::model::history::{Kept, TICK};
use sluss::model::id::{DocId, DocKey, IdKind};
use sluss::model::precondition::Precondition;
use sluss::store::history::HistoryStore;
use sluss::store::mssql::{SqlServerTenant, init};
use sluss::store::sql::{Change, Commit, NewAttributes, SqlStore};
use sluss_tds::client::{Client, Found, Given};
use sluss_tds::ground::Ground;

use crate::support::{inline, mssql, sqlite, store_of};

fn key(id: i64) -> DocKey {
    DocKey { tenant: "acme".parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(id) }
}

fn plain() -> CollectionConfig {
    let plain = CollectionConfig::plain("documents".parse().unwrap(), "documents", "id", IdKind::Integer, "content");
    CollectionConfig { revision_column: Some("rv".to_owned()), ..plain }
}

async fn tenant(create: &[&str], config: CollectionConfig) -> (Ground, Client, Result<SqlServerTenant, String>) {
    let ground = Ground::new().await;
    let client = ground.client();
    for statement in create {
        client.run(statement, &[]).unwrap();
    }
    let (settings, server) = (sqlite::settings(vec![config]), mssql::server(&ground));
    let made = init(&server, &settings).await.map_err(|error| error.chain());
    let tenant = made.map(|()| SqlServerTenant::new(server, &settings, None));
    (ground, client, tenant)
}

async fn commit(tenant: &SqlServerTenant, key: &DocKey, change: Change) -> Commit {
    let epoch = tenant.state().await.unwrap().epoch;
    tenant.commit(key, epoch, change).await.unwrap()
}

/// Its foreign key has to lean on the index with the tenant column, or a row that changes its tenant would keep its location.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_table_whose_ids_are_unique_by_themselves_needs_one_index_more() {
    let table = "CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, customer int NOT NULL, rv rowversion NOT NULL, content varbinary(max) NULL)";
    let index = "CREATE UNIQUE INDEX both ON dbo.documents (customer, id)";
    let config =
        || CollectionConfig { tenant: Some(TenantColumn { column: "customer".to_owned(), value: ColumnValue::Integer(1) }), ..plain() };
    let (_ground, _, without) = tenant(&[table], config()).await;
    let words = without.err().expect("refused");
    assert!(words.contains("CREATE UNIQUE INDEX"), "{words}");
    let (_ground, _, with) = tenant(&[table, index], config()).await;
    let tenant = with.unwrap();
    assert!(matches!(commit(&tenant, &key(1), store_of(inline(b"ours"))).await, Commit::Done(_)));
    assert_eq!(tenant.row(&key(1)).await.unwrap().truth().holder, Holder::Sql);
}

/// Nothing takes our rows along there, so a delete through Sluss has to: an id that comes again begins clean.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_foreign_key_a_delete_leaves_nothing_behind() {
    let table = "CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, rv rowversion NOT NULL, content varbinary(max) NULL)";
    let (_ground, client, made) = tenant(&[table], CollectionConfig { foreign_key: false, ..plain() }).await;
    let tenant = made.unwrap();
    let attributes = NewAttributes { media_type: Some("text/plain".to_owned()), file_name: Some("a.txt".to_owned()), all: false };
    let store = Change::Store { content: inline(b"old"), attributes, precondition: Precondition::default() };
    assert!(matches!(commit(&tenant, &key(7), store).await, Commit::Done(_)));
    let delete = Change::Delete { precondition: Precondition::default() };
    assert!(matches!(commit(&tenant, &key(7), delete).await, Commit::Done(_)));
    client.run("INSERT INTO dbo.documents (id, content) VALUES (7, 0x01)", &[]).unwrap();
    let row = tenant.row(&key(7)).await.unwrap();
    assert!(row.location.is_none());
    assert_eq!(row.document.unwrap().attributes.file_name, None);
}

/// An image column, ids that are filled up with blanks, no foreign key: what is overwritten is kept all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_kept_of_an_image_under_an_id_with_blanks() {
    let table = "CREATE TABLE dbo.documents (id char(10) NOT NULL PRIMARY KEY, content image NULL)";
    let config = CollectionConfig::plain("documents".parse().unwrap(), "documents", "id", IdKind::Text, "content");
    let (_ground, client, made) = tenant(&[table], CollectionConfig { foreign_key: false, ..config }).await;
    let tenant = made.unwrap();
    client.run("UPDATE sluss.state SET phase = 'dual'", &[]).unwrap();
    let key = DocKey { id: DocId::Text("a".to_owned()), ..key(0) };
    for content in [b"first".as_slice(), b"", b"third"] {
        assert!(matches!(commit(&tenant, &key, store_of(inline(content))).await, Commit::Done(_)));
    }
    assert!(matches!(commit(&tenant, &key, Change::Delete { precondition: Precondition::default() }).await, Commit::Done(_)));
    let mut kept = Vec::new();
    for version in tenant.versions(&key, None, 10).await.unwrap() {
        assert_eq!(version.document, "a");
        assert!(version.held_from.is_some_and(|from| from <= version.held_to));
        kept.push(match version.kept {
            Kept::Staged(attempt) => tenant.open_staged(attempt, 0).await.unwrap().try_collect::<Vec<_>>().await.unwrap().concat(),
            Kept::Empty => Vec::new(),
            Kept::Object { .. } => panic!("nobody has brought it out"),
        });
    }
    assert_eq!(kept, [b"third".as_slice(), b"", b"first"]);
}

/// Such as one that the trigger of schema version 1 has made meanwhile: nobody knows how old it is, so its time begins when it is seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_without_a_tick_grows_old_from_when_it_is_seen() {
    let table = "CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, rv rowversion NOT NULL, content varbinary(max) NULL)";
    let (ground, client, made) = tenant(&[table], plain()).await;
    drop(made.unwrap());
    let clock = sqlite::clock();
    let settings = sqlite::settings(vec![plain()]);
    let tenant = SqlServerTenant::new(mssql::server(&ground), &settings, Some(clock.clone() as Arc<dyn Clock>));
    client
        .run(
            "UPDATE sluss.tick SET tick = 1000000; \
             INSERT INTO sluss.version (tenant, collection, document, stamp, length, stored_length, format, sha256, pieces, held_from, held_to) \
             VALUES ('acme', 'documents', N'1', 'r-1-1', 0, 0, 0, CAST(0x AS binary(32)), 0x, 1, 2)",
            &[],
        )
        .unwrap();
    assert_eq!(tenant.history(Some(1)).await.unwrap().past.versions, 0);
    assert_eq!(tenant.expire(1, 10).await.unwrap().versions, 0);
    clock.advance(TICK);
    let found = tenant.tick().await.unwrap();
    tenant.raise_tick(found).await.unwrap();
    assert_eq!(tenant.expire(1, 10).await.unwrap().versions, 1);
}

/// Databases that were put together by hand or put back can have one object named twice; only what nobody names is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_condemned_once_and_only_if_nothing_else_names_it() {
    let table = "CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, rv rowversion NOT NULL, content varbinary(max) NULL)";
    let (_ground, client, made) = tenant(&[table], plain()).await;
    let tenant = made.unwrap();
    let object = |letter: char| format!("00000000-0000-7000-8000-00000000000{letter}");
    let version = |letter: char, tick: i64| {
        client
            .run(
                "INSERT INTO sluss.version (tenant, collection, document, placement, object, stamp, length, stored_length, format, sha256, pieces, \
                 held_from, held_to, tick) VALUES ('acme', 'documents', N'1', 'local', @P1, 'r-1-1', 1, 1, 0, 0x00, 0x, 1, 2, @P2)",
                &[Given::Text(Some(object(letter))), Given::Integer(tick)],
            )
            .unwrap();
    };
    client.run("UPDATE sluss.tick SET tick = 10; INSERT INTO dbo.documents (id) VALUES (1)", &[]).unwrap();
    for (letter, tick) in [('a', 0), ('a', 10), ('b', 0), ('c', 0), ('d', 0), ('d', 0)] {
        version(letter, tick);
    }
    client
        .run(
            "INSERT INTO sluss.upload (object, tenant, placement, purpose, epoch, state, changed_at) VALUES (@P1, 'acme', 'local', 'copy', 1, 'open', 0)",
            &[Given::Text(Some(object('b')))],
        )
        .unwrap();
    client
        .run(
            "INSERT INTO sluss.[location/acme/documents] (id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, \
             held_from) VALUES (1, 'local', @P1, 'o-1', 1, 1, 0, 0x00, 0x, 1, 1, 0)",
            &[Given::Text(Some(object('c')))],
        )
        .unwrap();
    let gone = tenant.expire(5, 100).await.unwrap();
    assert_eq!((gone.versions, gone.bytes), (5, 5));
    let condemned = client.run("SELECT u.object FROM sluss.upload AS u WHERE u.state = 'condemned'", &[]).unwrap();
    assert_eq!(condemned, [vec![Found::Text(object('d'))]]);
}
