//! Names of the configuration and ids of documents that would like to be statements, on SQL Server: each is refused or harmless.

use std::sync::Arc;

use sluss::config::{CollectionConfig, ColumnValue, TenantColumn};
use sluss::model::id::{DocId, DocKey, IdKind};
use sluss::model::phase::Phase;
use sluss::store::mssql::{SqlServerTenant, init};
use sluss::store::queue::JobQueue;
use sluss::store::settings::TenantSettings;
use sluss::store::sql::{Commit, SqlStore};
use sluss_tds::client::{Client, Found};
use sluss_tds::ground::Ground;

use crate::support::{inline, mssql, sqlite, store_of};

/// Something to lose.
const VICTIM: &str = "CREATE TABLE dbo.victim (id int NOT NULL PRIMARY KEY)";

fn quoted(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

fn victim_is_there(client: &Client) {
    assert_eq!(client.run("SELECT COUNT_BIG(*) FROM dbo.victim", &[]).unwrap(), [[Found::Integer(0)]]);
}

fn key(id: &str) -> DocKey {
    DocKey { tenant: "acme".parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Text(id.to_owned()) }
}

fn settings(config: CollectionConfig) -> TenantSettings {
    sqlite::settings(vec![config])
}

async fn tenant(ground: &Ground, config: CollectionConfig) -> SqlServerTenant {
    let (settings, server) = (settings(config), mssql::server(ground));
    init(&server, &settings).await.unwrap();
    SqlServerTenant::new(server, &settings, None)
}

/// Every name that the configuration gives, as somebody would write it who wants to be clever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_of_the_configuration_stays_a_name() {
    let nasty = [
        "x]; DROP TABLE dbo.victim; --",
        "'; DROP TABLE dbo.victim; --",
        "[x]",
        "a.b",
        "]]",
        "－－ ’；DROP TABLE dbo.victim",
        "/* x",
        "@P1",
        "{content}",
        "select",
    ];
    for name in nasty {
        let ground = Ground::new().await;
        let client = ground.client();
        client.run(VICTIM, &[]).unwrap();
        let column = |kind: &str| format!("{kind}{name}");
        let [table, id, content, media, file, modified, owner, other] =
            ["t", "id", "content", "media", "file", "modified", "owner", "other"].map(column);
        let create = format!(
            "CREATE TABLE dbo.{} ({} nvarchar(100) NOT NULL, {} nvarchar(100) NOT NULL, {} nvarchar(100) NULL, {} nvarchar(100) NULL, \
             {} datetime2(3) NULL, {} nvarchar(100) NOT NULL, {} varbinary(max) NULL, PRIMARY KEY ({}, {}))",
            quoted(&table),
            quoted(&owner),
            quoted(&id),
            quoted(&media),
            quoted(&file),
            quoted(&modified),
            quoted(&other),
            quoted(&content),
            quoted(&owner),
            quoted(&id)
        );
        client.run(&create, &[]).unwrap();
        let tenant = tenant(
            &ground,
            CollectionConfig {
                media_type_column: Some(media),
                file_name_column: Some(file),
                modified_column: Some(modified),
                tenant: Some(TenantColumn { column: owner, value: ColumnValue::Text(name.to_owned()) }),
                defaults: vec![(other, ColumnValue::Text(name.to_owned()))],
                ..CollectionConfig::plain("documents".parse().unwrap(), &table, &id, IdKind::Text, &content)
            },
        )
        .await;
        let key = key("one");
        let epoch = tenant.state().await.unwrap().epoch;
        let stored = tenant.commit(&key, epoch, store_of(inline(b"harmless"))).await.unwrap();
        assert!(matches!(stored, Commit::Done(_)), "{name}: {stored:?}");
        assert_eq!(tenant.row(&key).await.unwrap().inline.as_deref(), Some(&b"harmless"[..]), "{name}");
        assert_eq!(tenant.scan(&key.collection, None, 10).await.unwrap().rows.len(), 1, "{name}");
        assert_eq!(tenant.changes(&key.collection, 10).await.unwrap().rows.len(), 1, "{name}");
        let found = client.run(&format!("SELECT {} FROM dbo.{}", quoted(&format!("other{name}")), quoted(&table)), &[]).unwrap();
        assert_eq!(found, [[Found::Text(name.to_owned())]]);
        let delete = sluss::store::sql::Change::Delete { precondition: Default::default() };
        assert!(matches!(tenant.commit(&key, epoch, delete).await.unwrap(), Commit::Done(_)), "{name}");
        victim_is_there(&client);
    }
}

/// In a column of one code page, where look-alikes become what they look like.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_finds_the_document_of_exactly_that_id_or_none() {
    let ground = Ground::new().await;
    let client = ground.client();
    client.run(VICTIM, &[]).unwrap();
    client
        .run(
            "CREATE TABLE dbo.documents (id varchar(50) COLLATE SQL_Latin1_General_CP1_CI_AS NOT NULL PRIMARY KEY, content varbinary(max) NULL)",
            &[],
        )
        .unwrap();
    client.run("INSERT INTO dbo.documents (id, content) VALUES ('a', 0x01), ('a''b', 0x02), ('x]', 0x03), ('aaaaa', 0x04)", &[]).unwrap();
    let tenant =
        Arc::new(tenant(&ground, CollectionConfig::plain("documents".parse().unwrap(), "documents", "id", IdKind::Text, "content")).await);
    for (id, content) in [("a", 1), ("A", 1), ("a'b", 2), ("x]", 3), ("aaaaa", 4)] {
        assert_eq!(tenant.row(&key(id)).await.unwrap().inline.as_deref(), Some(&[content][..]), "{id}");
    }
    let long = "a".repeat(4_000);
    let strangers = [
        "ａ",
        "а",
        "a\u{0}",
        "a\u{200b}",
        "a’b",
        "aʼb",
        "' OR 1 = 1 --",
        "'; DROP TABLE dbo.victim; --",
        "x]; DROP TABLE dbo.victim; --",
        "%",
        "_",
        "",
        "@P1",
        "N'a'",
        &long[..51],
        &long[..512],
        &long[..513],
        &long,
    ];
    let epoch = tenant.state().await.unwrap().epoch;
    for id in strangers {
        let key = key(id);
        assert!(tenant.row(&key).await.unwrap().document.is_none(), "{id:?} found something");
        assert!(tenant.open(&key, sluss::model::stamp::Revision(1), 0, 1 << 20).await.unwrap().is_none(), "{id:?}");
        let delete = sluss::store::sql::Change::Delete { precondition: Default::default() };
        assert!(matches!(tenant.commit(&key, epoch, delete).await.unwrap(), Commit::Absent), "{id:?}");
        match tenant.commit(&key, epoch, store_of(inline(b"mine"))).await {
            // What the column can spell is a document of its own.
            Ok(Commit::Done(_)) => {
                let row = tenant.row(&key).await.unwrap();
                assert_eq!((row.key.id.to_string(), row.inline.as_deref()), (id.to_owned(), Some(&b"mine"[..])));
            }
            Ok(Commit::Refused(_)) => {}
            other => panic!("{id:?}: {other:?}"),
        }
    }
    for (id, content) in [("a", 1), ("a'b", 2), ("x]", 3), ("aaaaa", 4)] {
        assert_eq!(tenant.row(&key(id)).await.unwrap().inline.as_deref(), Some(&[content][..]), "{id}");
    }
    victim_is_there(&client);
}

/// What stands in the queue comes from rows, and rows can hold anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jobs_document_and_reason_are_texts() {
    let ground = Ground::new().await;
    let client = ground.client();
    client.run(VICTIM, &[]).unwrap();
    client
        .run("CREATE TABLE dbo.documents (id nvarchar(400) NOT NULL PRIMARY KEY, rv rowversion NOT NULL, content varbinary(max) NULL)", &[])
        .unwrap();
    let plain = CollectionConfig::plain("documents".parse().unwrap(), "documents", "id", IdKind::Text, "content");
    let tenant = tenant(&ground, CollectionConfig { revision_column: Some("rv".to_owned()), ..plain }).await;
    let facts = sluss::model::phase::FlipFacts { probe: Some(Ok("passed".into())), sample: None, verification: None };
    tenant.flip(sluss::model::phase::permit(Phase::Sql, Phase::Shadow, &facts).unwrap()).await.unwrap();
    let id = "'); DROP TABLE dbo.victim; --";
    let epoch = tenant.state().await.unwrap().epoch;
    assert!(matches!(tenant.commit(&key(id), epoch, store_of(inline(b"x"))).await.unwrap(), Commit::Done(_)));
    let minute = std::time::Duration::from_secs(60);
    let mut targets = Vec::new();
    while let Some(lease) = tenant.claim("o'owner", minute, None).await.unwrap() {
        targets.push(lease.target.to_string());
        tenant.fail(lease, "it's \"odd\"; DROP TABLE dbo.victim; --", sluss::store::queue::Verdict::Quarantine).await.unwrap();
    }
    assert!(targets.iter().any(|target| target.ends_with(id)), "{targets:?}");
    victim_is_there(&client);
}
