//! Tables on SQL Server that are not as one would make them today: shared ones whose ids are unique by themselves, and ones that get no foreign key.

use sluss::config::{CollectionConfig, ColumnValue, TenantColumn};
use sluss::model::document::Holder;
use sluss::model::id::{DocId, DocKey, IdKind};
use sluss::model::precondition::Precondition;
use sluss::store::mssql::{SqlServerTenant, init};
use sluss::store::sql::{Change, Commit, NewAttributes, SqlStore};
use sluss_tds::client::Client;
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
    let attributes = NewAttributes { media_type: Some("text/plain".to_owned()), file_name: Some("a.txt".to_owned()) };
    let store = Change::Store { content: inline(b"old"), attributes, precondition: Precondition::default() };
    assert!(matches!(commit(&tenant, &key(7), store).await, Commit::Done(_)));
    let delete = Change::Delete { precondition: Precondition::default() };
    assert!(matches!(commit(&tenant, &key(7), delete).await, Commit::Done(_)));
    client.run("INSERT INTO dbo.documents (id, content) VALUES (7, 0x01)", &[]).unwrap();
    let row = tenant.row(&key(7)).await.unwrap();
    assert!(row.location.is_none());
    assert_eq!(row.document.unwrap().attributes.file_name, None);
}
