//! Triggers that the customer's table has had for years, on SQL Server: one that objects without ending the transaction, and one that changes
//! the row again.

use sluss::config::CollectionConfig;
use sluss::model::id::{DocId, DocKey, IdKind};
use sluss::model::stamp::Stamp;
use sluss::store::mssql::{SqlServerTenant, init};
use sluss::store::sql::{Commit, SqlStore};
use sluss_tds::client::{Client, Found};
use sluss_tds::ground::Ground;

use crate::support::{inline, mssql, sqlite, store_of};

async fn tenant_with(trigger: &str) -> (Ground, Client, SqlServerTenant) {
    let ground = Ground::new().await;
    let client = ground.client();
    let table = "CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, title nvarchar(50) NULL, rv rowversion NOT NULL, content varbinary(max) NULL)";
    client.run(table, &[]).unwrap();
    client.run("INSERT INTO dbo.documents (id, content) VALUES (1, 0x01)", &[]).unwrap();
    let plain = CollectionConfig::plain("documents".parse().unwrap(), "documents", "id", IdKind::Integer, "content");
    let settings = sqlite::settings(vec![CollectionConfig { revision_column: Some("rv".to_owned()), ..plain }]);
    let server = mssql::server(&ground);
    init(&server, &settings).await.unwrap();
    // A trigger is made by a batch of its own, without parameters.
    client.run(&format!("EXEC(N'{}')", trigger.replace('\'', "''")), &[]).unwrap();
    (ground, client, SqlServerTenant::new(server, &settings, None))
}

fn key() -> DocKey {
    DocKey { tenant: "acme".parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(1) }
}

async fn store(tenant: &SqlServerTenant, bytes: &[u8]) -> Commit {
    let epoch = tenant.state().await.unwrap().epoch;
    tenant.commit(&key(), epoch, store_of(inline(bytes))).await.unwrap()
}

fn content(client: &Client) -> Found {
    client.run("SELECT content FROM dbo.documents WHERE id = 1", &[]).unwrap().remove(0).remove(0)
}

/// RAISERROR ends no transaction, not even under XACT_ABORT: what the client hears has to be what happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_objects_refuses_and_nothing_is_changed() {
    let trigger =
        "CREATE TRIGGER dbo.guard ON dbo.documents AFTER UPDATE AS BEGIN SET NOCOUNT ON; RAISERROR('the archive is closed', 16, 1); END";
    let (_ground, client, tenant) = tenant_with(trigger).await;
    let Commit::Refused(words) = store(&tenant, b"new").await else { panic!("not refused") };
    assert!(words.contains("the archive is closed"), "{words}");
    assert_eq!(content(&client), Found::Bytes(vec![1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_changes_the_row_again_is_part_of_the_change() {
    let trigger = "CREATE TRIGGER dbo.stamp ON dbo.documents AFTER UPDATE AS BEGIN SET NOCOUNT ON; \
                   UPDATE d SET title = N'changed' FROM dbo.documents AS d JOIN inserted AS i ON i.id = d.id; END";
    let (_ground, client, tenant) = tenant_with(trigger).await;
    let Commit::Done(committed) = store(&tenant, b"new").await else { panic!("not done") };
    let revision = tenant.row(&key()).await.unwrap().document.unwrap().revision;
    assert!(matches!(committed.stamp, Some(Stamp::Row { revision: named, .. }) if named == revision), "{committed:?}, {revision:?}");
    assert_eq!(content(&client), Found::Bytes(b"new".to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_answers_is_not_taken_for_our_answer() {
    let trigger =
        "CREATE TRIGGER dbo.chatty ON dbo.documents AFTER UPDATE AS BEGIN SELECT CAST(1.5 AS float) AS noise, id FROM inserted; END";
    let (_ground, client, tenant) = tenant_with(trigger).await;
    assert!(matches!(store(&tenant, b"new").await, Commit::Done(_)));
    assert_eq!(content(&client), Found::Bytes(b"new".to_vec()));
}
