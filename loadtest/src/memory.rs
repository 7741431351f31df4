//! One large document through every walk there is, and what the server's process holds meanwhile: the budget bounds it, not
//! the document.

use std::ops::Range;

use anyhow::{bail, ensure};
use clap::ValueEnum;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, RANGE};
use http::{Method, StatusCode};
use sluss::body;
use sluss::demo::pattern::Pattern;
use sluss::model::phase::Phase;
use tokio::time::Instant;

use crate::house::House;
use crate::sql_server::SqlServer;

/// What `sluss serve` may use at its peak, whatever the document's size and whatever the database.
const PEAK_BYTES: u64 = 128 << 20;

const PATH: &str = "/v1/tenants/acme/documents/1";

/// Where the tenant's database is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Sql {
    Sqlite,
    Mssql,
}

pub async fn run(bytes: u64, sql: Sql) -> anyhow::Result<()> {
    println!("one document of {bytes} bytes, replaced once");
    match sql {
        Sql::Sqlite => walk(&House::open(std::iter::empty()).await?, bytes).await,
        Sql::Mssql => {
            let server = SqlServer::start().await?;
            println!("SQL Server: {}", server.description());
            walk(&House::on_sql_server(&server).await?, bytes).await
        }
    }
}

async fn walk(house: &House, bytes: u64) -> anyhow::Result<()> {
    let (first, second) = (Pattern { seed: 1, length: bytes }, Pattern { seed: 2, length: bytes });
    let middle = bytes / 3..bytes / 2;
    println!("\n{:<44} {:>9} {:>9} {:>10}", "step", "seconds", "MB/s", "peak MiB");
    let mut table = Table { house, begun: Instant::now(), peak_bytes: 0 };
    table.line("start", 0)?;
    put(house, first, StatusCode::CREATED).await?;
    table.line("PUT into SQL (phase sql)", bytes)?;
    get(house, first, 0..bytes, "sql").await?;
    table.line("GET whole from SQL", bytes)?;
    house.flip(Phase::Shadow).await?;
    table.line("copy to the object store (phase shadow)", bytes)?;
    house.flip(Phase::Dual).await?;
    table.line("flip to dual", 0)?;
    get(house, first, 0..bytes, "object").await?;
    table.line("GET whole from the object store", bytes)?;
    get(house, first, middle.clone(), "object").await?;
    table.line("GET a range from the object store", middle.end - middle.start)?;
    house.flip(Phase::Object).await?;
    table.line("flip to object: both compared by SHA-256", 2 * bytes)?;
    put(house, second, StatusCode::NO_CONTENT).await?;
    table.line("PUT into the object store (phase object)", bytes)?;
    get(house, second, middle.clone(), "object").await?;
    table.line("GET a range from the object store", middle.end - middle.start)?;
    house.flip(Phase::Dual).await?;
    table.line("write back to SQL (phase dual)", bytes)?;
    house.flip(Phase::Shadow).await?;
    table.line("flip to shadow", 0)?;
    get(house, second, 0..bytes, "sql").await?;
    table.line("GET whole from SQL", bytes)?;
    get(house, second, middle.clone(), "sql").await?;
    table.line("GET a range from SQL", middle.end - middle.start)?;
    println!("\nserver's peak memory: {:.0} MiB", mebibytes(table.peak_bytes));
    ensure!(table.peak_bytes < PEAK_BYTES, "that is more than it may be: {:.0} MiB", mebibytes(PEAK_BYTES));
    Ok(())
}

struct Table<'a> {
    house: &'a House,
    begun: Instant,
    peak_bytes: u64,
}

impl Table<'_> {
    /// Ends a step that moved so many bytes, and begins the next one.
    fn line(&mut self, step: &str, bytes: u64) -> anyhow::Result<()> {
        let (seconds, peak_bytes) = (self.begun.elapsed().as_secs_f64(), self.house.peak_bytes()?);
        let rate = if bytes == 0 { "-".to_owned() } else { format!("{:.0}", bytes as f64 / seconds / 1e6) };
        println!("{step:<44} {seconds:>9.1} {rate:>9} {:>10.0}", mebibytes(peak_bytes));
        self.peak_bytes = self.peak_bytes.max(peak_bytes);
        self.begun = Instant::now();
        Ok(())
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

async fn put(house: &House, content: Pattern, expected: StatusCode) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, content.length.into());
    let answer = house.documents.request(Method::PUT, PATH, headers, body::stream(content.stream())).await?;
    let status = answer.status;
    let detail = answer.bytes(64 << 10).await?;
    ensure!(status == expected, "PUT answered {status}: {}", String::from_utf8_lossy(&detail));
    Ok(())
}

/// Compares as it reads: nothing of the document is kept on this side either.
async fn get(house: &House, content: Pattern, range: Range<u64>, served_from: &str) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    let whole = range == (0..content.length);
    if !whole {
        headers.insert(RANGE, HeaderValue::from_str(&format!("bytes={}-{}", range.start, range.end - 1))?);
    }
    let mut answer = house.documents.request(Method::GET, PATH, headers, body::empty()).await?;
    let expected = if whole { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
    ensure!(answer.status == expected, "GET answered {}", answer.status);
    match answer.headers.get("served-from").map(HeaderValue::as_bytes) {
        Some(from) if from == served_from.as_bytes() => {}
        other => bail!("served from {:?} instead of {served_from}", other.map(String::from_utf8_lossy)),
    }
    let mut at = range.start;
    while let Some(piece) = answer.piece().await? {
        ensure!(content.matches(at, &piece), "other bytes than were written, in the {} from {at} on", piece.len());
        at += piece.len() as u64;
    }
    ensure!(at == range.end, "the answer ended at {at} instead of {}", range.end);
    Ok(())
}
