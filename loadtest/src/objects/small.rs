//! Many small objects, read by some clients at once: how many a second, and what CPU time one costs whoever stands between client and store.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{Method, StatusCode};
use rusqlite::Connection;
use sluss::body;
use sluss::client::HttpClient;
use sluss_s3::Bucket;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::median;
use super::nginx::Nginx;
use super::plain::Plain;
use crate::cpu;
use crate::house::House;

const BYTES: usize = 64 << 10;
const DOCUMENTS: usize = 200;
const CLIENTS: usize = 16;

/// Who stands between client and store. The clients are in this process, which is why the plain program's figure has their work in it, and
/// the others' have not.
#[derive(Debug, Clone, Copy)]
enum Way {
    Sluss,
    Nginx,
    Sdk,
}

const WAYS: [(Way, &str); 3] = [(Way::Sluss, "Sluss"), (Way::Nginx, "nginx, unsigned"), (Way::Sdk, "plain SDK, as its own client")];

struct Ways {
    gateway: HttpClient,
    nginx: HttpClient,
    sdk: Plain,
    /// Of the objects, as the bucket has them, by number of the document.
    keys: Vec<String>,
}

pub async fn run(house: &House, bucket: &Bucket, runs: u32, lasts: Duration) -> anyhow::Result<()> {
    for id in 1..=DOCUMENTS {
        put(&house.documents, id, BYTES).await?;
    }
    let nginx = Nginx::before(bucket.endpoint()).await?;
    let sdk = Plain::in_bucket(bucket);
    sdk.open_to_anyone().await?;
    let ways = Arc::new(Ways { gateway: house.documents.clone(), nginx: nginx.client.clone(), sdk, keys: keys(house, DOCUMENTS)? });
    println!("{:<34} {:>12} {:>12}", format!("GET of {BYTES} bytes, {CLIENTS} at once"), "a second", "CPU us each");
    let mut figures = WAYS.map(|_| (Vec::new(), Vec::new()));
    for _ in 0..runs {
        for ((way, _), (rates, costs)) in WAYS.into_iter().zip(&mut figures) {
            let cpu = || match way {
                Way::Sluss => house.cpu(),
                Way::Nginx => nginx.cpu(),
                Way::Sdk => cpu::so_far(),
            };
            let (before, begun) = (cpu()?, Instant::now());
            let done = all_clients(&ways, way, lasts).await? as f64;
            rates.push(done / begun.elapsed().as_secs_f64());
            costs.push((cpu()? - before).as_secs_f64() * 1e6 / done);
        }
    }
    for ((_, name), (rates, costs)) in WAYS.into_iter().zip(figures) {
        println!("{name:<34} {:>12.0} {:>12.0}", median(rates), median(costs));
    }
    Ok(())
}

async fn all_clients(ways: &Arc<Ways>, way: Way, lasts: Duration) -> anyhow::Result<u64> {
    let until = Instant::now() + lasts;
    let mut running = JoinSet::new();
    for client in 0..CLIENTS {
        let ways = Arc::clone(ways);
        running.spawn(async move {
            let mut done = 0;
            for at in (client * DOCUMENTS / CLIENTS..DOCUMENTS).chain(0..).map(|at| at % DOCUMENTS) {
                if Instant::now() >= until {
                    break;
                }
                let length = ways.get(way, at).await?;
                ensure!(length == BYTES as u64, "{length} bytes came of {BYTES}");
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut all = 0;
    while let Some(done) = running.join_next().await {
        all += done??;
    }
    Ok(all)
}

impl Ways {
    async fn get(&self, way: Way, at: usize) -> anyhow::Result<u64> {
        match way {
            Way::Sluss => get(&self.gateway, &path(at + 1)).await,
            Way::Nginx => get(&self.nginx, &format!("/{}/{}", self.sdk.bucket, self.keys[at])).await,
            Way::Sdk => self.sdk.get(&self.keys[at]).await,
        }
    }
}

pub(super) fn path(id: usize) -> String {
    format!("/v1/tenants/acme/documents/{id}")
}

async fn get(server: &HttpClient, path: &str) -> anyhow::Result<u64> {
    let answer = server.request(Method::GET, path, HeaderMap::new(), body::empty()).await?;
    ensure!(answer.status == StatusCode::OK, "GET {path} answered {}", answer.status);
    Ok(answer.bytes(BYTES).await?.len() as u64)
}

pub(super) async fn put(server: &HttpClient, id: usize, bytes: usize) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, bytes.into());
    let answer = server.request(Method::PUT, &path(id), headers, body::full(vec![7; bytes])).await?;
    ensure!(answer.status == StatusCode::CREATED, "PUT of document {id} answered {}", answer.status);
    answer.bytes(0).await?;
    Ok(())
}

/// Sluss's own objects, so that all read the same ones.
pub(super) fn keys(house: &House, documents: usize) -> anyhow::Result<Vec<String>> {
    let database = Connection::open(house.folder().join("acme.db"))?;
    let mut statement = database.prepare("SELECT object FROM sluss_location_documents ORDER BY id")?;
    let objects = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    ensure!(objects.len() == documents, "{} objects are named instead of {documents}", objects.len());
    let key = |object: &String| object.get(object.len() - 2..).map(|end| format!("acme/{end}/{object}"));
    objects.iter().map(key).collect::<Option<_>>().context("an object's name ends with two digits")
}
