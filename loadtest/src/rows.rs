//! What must not slow down with the number of rows: start-up, the pages that operators look at, the claim of a job, and what a
//! sweep and a verification cost for each row.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http::{Method, StatusCode};
use rusqlite::{Connection, params};
use sluss::clock::SystemClock;
use sluss::model::content::Fingerprint;
use sluss::model::id::{CollectionName, DocId, DocKey, FreshKey, ObjectRef, PlacementName, TenantId};
use sluss::model::job::{JobKind, JobTarget, NewJob, Priority};
use sluss::model::phase::Phase;
use sluss::store::disk::DiskStore;
use sluss::store::object::{ByteStream, ObjectMeta, ObjectStore, Upload};
use sluss::store::queue::JobQueue;
use sluss::store::settings::{PlacementSettings, TenantSettings};
use sluss::store::sqlite::{SqliteFile, SqliteTenant};
use tokio::time::Instant;

use crate::house::House;

/// Small, as rows of metadata are: the rows are measured, not the bytes.
const CONTENT: &[u8] = &[7; 200];

/// Each figure of a page is the median of so many looks.
const LOOKS: usize = 31;

pub async fn run(sizes: &[u64], verified: u64) -> anyhow::Result<()> {
    println!(
        "{:>9} {:>8} {:>9} {:>12} {:>12} {:>10} {:>15} {:>15}",
        "rows", "init s", "start ms", "metrics ms", "tenant ms", "claim ms", "sweep us/row", "verify us/row"
    );
    for rows in sizes {
        measure(*rows, verified).await?;
    }
    Ok(())
}

async fn measure(rows: u64, verified: u64) -> anyhow::Result<()> {
    let house = House::furnished(|folder| furnish(folder, rows), locate_all).await?;
    let metrics = median(&house, "/metrics").await?;
    let tenant = median(&house, "/admin/v1/tenants/acme").await?;
    house.settle().await?;
    let begun = Instant::now();
    house.flip(Phase::Shadow).await?;
    let sweep = begun.elapsed();
    let verify = if rows <= verified { Some(verify(&house).await?) } else { None };
    let claim = claims(house.folder()).await?;
    println!(
        "{rows:>9} {:>8.1} {:>9.0} {:>12.2} {:>12.2} {:>10.2} {:>15.1} {:>15}",
        house.init.as_secs_f64(),
        millis(house.start),
        millis(metrics),
        millis(tenant),
        millis(claim),
        sweep.as_secs_f64() * 1e6 / rows as f64,
        verify.map_or("-".to_owned(), |verify| format!("{:.1}", verify.as_secs_f64() * 1e6 / rows as f64)),
    );
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn furnish(folder: &Path, rows: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(folder.join("acme.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch("CREATE TABLE documents (id INTEGER PRIMARY KEY, content BLOB)")?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO documents (content) VALUES (?1)")?;
        for _ in 0..rows {
            insert.execute([CONTENT])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// As if agents had copied every row: all locations name one object, which has the content that all rows have.
fn locate_all(folder: &Path) -> anyhow::Result<()> {
    let object = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(store(folder)))?;
    let content = Fingerprint::of(CONTENT);
    Connection::open(folder.join("acme.db"))?.execute(
        "INSERT INTO sluss_location_documents (id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, held_from) \
         SELECT id, ?1, ?2, printf('r-1-%x', revision), ?3, ?3, 0, ?4, ?5, revision, 0, 0 FROM sluss_revision_documents",
        params![object.placement.as_str(), object.id.to_string(), content.length_bytes, content.sha256.0, content.pieces.to_bytes()],
    )?;
    Ok(())
}

async fn store(folder: &Path) -> anyhow::Result<ObjectRef> {
    let placement: PlacementName = "local".parse()?;
    let store = DiskStore::open(placement.clone(), &folder.join("objects"), "acme/")?;
    let meta = ObjectMeta {
        tenant: "acme".to_owned(),
        collection: "documents".to_owned(),
        document: "1".to_owned(),
        stamp: "r-1-1".to_owned(),
        media_type: None,
        file_name: None,
        sha256: None,
    };
    let content: ByteStream = Box::pin(futures_util::stream::iter([Ok(Bytes::from_static(CONTENT))]));
    Ok(store.put(Upload::unlogged(FreshKey::mint(placement), meta, Some(CONTENT.len() as u64), content)).await?)
}

async fn median(house: &House, path: &str) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..LOOKS {
        let begun = Instant::now();
        let answer = house.admin.request(Method::GET, path, http::HeaderMap::new(), sluss::body::empty()).await?;
        ensure!(answer.status == StatusCode::OK, "{path} answered {}", answer.status);
        answer.bytes(16 << 20).await?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2])
}

/// The median of claims from a queue in the same database, with jobs waiting.
async fn claims(folder: &Path) -> anyhow::Result<Duration> {
    let (tenant, collection): (TenantId, CollectionName) = ("acme".parse()?, "documents".parse()?);
    let file = SqliteFile::new(&folder.join("acme.db"), 1, Duration::from_secs(60), false)?;
    let settings = TenantSettings {
        id: tenant.clone(),
        initial_phase: Phase::Sql,
        mirror: false,
        history: true,
        collections: Vec::new(),
        placements: vec![PlacementSettings { name: "local".parse()?, description: String::new() }],
    };
    let queue = SqliteTenant::new(file, &settings, Arc::new(SystemClock));
    let job = |id| NewJob {
        kind: JobKind::Copy,
        target: JobTarget::Document(DocKey { tenant: tenant.clone(), collection: collection.clone(), id: DocId::Integer(id) }),
        priority: Priority::Access,
    };
    queue.enqueue((0..1000).map(job).collect()).await?;
    let mut times = Vec::new();
    for _ in 0..LOOKS {
        let begun = Instant::now();
        let lease = queue.claim("loadtest", Duration::from_secs(600), None).await?;
        times.push(begun.elapsed());
        ensure!(lease.is_some(), "no job was there to claim");
    }
    times.sort();
    Ok(times[times.len() / 2])
}

async fn verify(house: &House) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    house.verify().await?;
    Ok(begun.elapsed())
}
