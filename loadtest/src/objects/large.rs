//! One large object in and out, as fast as it goes: by a plain program of the AWS SDK, through Sluss, and through nginx.
//!
//! Where store, client and gateway share few cores, CPU time is what is measured, and whoever stands in the middle costs some of it:
//! that is what nginx shows, which passes bytes on and does nothing else. Over a link of a network's speed it is the gateway that is
//! measured: whether it keeps the link full.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{Method, StatusCode};
use sluss::body;
use sluss::client::HttpClient;
use sluss_s3::Bucket;
use tokio::time::Instant;

use super::nginx::Nginx;
use super::plain::Plain;
use super::{PART_BYTES, median};
use crate::house::House;

/// What Sluss is to reach of the plain program's throughput.
const TARGET: f64 = 0.9;

/// 1 Gbit/s.
pub const LINK: f64 = 125e6;

/// An id that no small document has.
pub(super) const PATH: &str = "/v1/tenants/acme/documents/1000000";
const KEY: &str = "plain/large";
const NGINX_KEY: &str = "nginx/large";

/// What the client of a gateway sends at once.
const PORTION: usize = 64 << 10;

/// Who carries the bytes; the first one is what the others are compared with.
struct Ways<'a> {
    plain: Plain,
    sluss: &'a House,
    /// Unsigned, because nginx cannot sign.
    nginx: Nginx,
    bytes: u64,
}

/// How long each way took, in the order of [`NAMES`], and the CPU time of Sluss.
struct Took {
    each: [Duration; 3],
    sluss_cpu: Duration,
}

const NAMES: [&str; 3] = ["plain SDK", "Sluss", "nginx"];

/// Where it is measured: a Sluss and its bucket, which everybody finds at the bucket's endpoint.
pub struct Place<'a> {
    pub name: &'a str,
    pub house: &'a House,
    pub bucket: &'a Bucket,
    pub bytes: u64,
}

pub async fn run(places: [Place<'_>; 2], runs: u32) -> anyhow::Result<()> {
    let [plain, sluss, nginx] = NAMES;
    println!("\n{:<34} {plain:>14} {sluss:>18} {nginx:>16} {:>8} {:>15}", "MB/s (share of the plain SDK's)", "target", "Sluss CPU s");
    for Place { name, house: sluss, bucket, bytes } in places {
        let plain = Plain::in_bucket(bucket);
        plain.open_to_anyone().await?;
        let ways = Ways { plain, sluss, nginx: Nginx::before(bucket.endpoint()).await?, bytes };
        let (mut puts, mut gets) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            puts.push(ways.put().await?);
            gets.push(ways.get().await?);
        }
        report(&format!("PUT of {bytes}, {name}"), bytes, &puts);
        report(&format!("GET of {bytes}, {name}"), bytes, &gets);
    }
    Ok(())
}

fn report(what: &str, bytes: u64, runs: &[Took]) {
    let rate = |way: usize| bytes as f64 / 1e6 / median(runs.iter().map(|took| took.each[way].as_secs_f64()).collect());
    let [plain, sluss, nginx] = [0, 1, 2].map(rate);
    let cpu = median(runs.iter().map(|took| took.sluss_cpu.as_secs_f64()).collect());
    println!("{what:<34} {plain:>14.0} {sluss:>11.0} ({:.2}) {nginx:>9.0} ({:.2}) {TARGET:>8.2} {cpu:>15.2}", sluss / plain, nginx / plain);
}

impl Ways<'_> {
    async fn put(&self) -> anyhow::Result<Took> {
        let part = Bytes::from(vec![7; usize::try_from(PART_BYTES)?]);
        let begun = Instant::now();
        self.plain.put(KEY, &part, self.bytes).await?;
        let plain = begun.elapsed();
        let (begun, cpu) = (Instant::now(), self.sluss.cpu()?);
        put(&self.sluss.documents, PATH, self.bytes).await?;
        let (sluss, sluss_cpu) = (begun.elapsed(), self.sluss.cpu()? - cpu);
        let begun = Instant::now();
        put(&self.nginx.client, &self.nginx_path(), self.bytes).await?;
        Ok(Took { each: [plain, sluss, begun.elapsed()], sluss_cpu })
    }

    async fn get(&self) -> anyhow::Result<Took> {
        let begun = Instant::now();
        ensure!(self.plain.get(KEY).await? == self.bytes, "the plain program reads all of it");
        let plain = begun.elapsed();
        let (begun, cpu) = (Instant::now(), self.sluss.cpu()?);
        get(&self.sluss.documents, PATH, self.bytes).await?;
        let (sluss, sluss_cpu) = (begun.elapsed(), self.sluss.cpu()? - cpu);
        let begun = Instant::now();
        get(&self.nginx.client, &self.nginx_path(), self.bytes).await?;
        Ok(Took { each: [plain, sluss, begun.elapsed()], sluss_cpu })
    }

    fn nginx_path(&self) -> String {
        format!("/{}/{NGINX_KEY}", self.plain.bucket)
    }
}

pub(super) async fn put(server: &HttpClient, path: &str, bytes: u64) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, bytes.into());
    let portion = Bytes::from(vec![7; PORTION]);
    let content = stream::unfold(0, move |at| {
        let length = usize::try_from(bytes - at).unwrap_or(PORTION).min(PORTION);
        let portion = portion.slice(..length);
        async move { (length > 0).then(|| (Ok(portion), at + length as u64)) }
    });
    let answer = server.request(Method::PUT, path, headers, body::stream(content)).await?;
    ensure!([StatusCode::OK, StatusCode::CREATED, StatusCode::NO_CONTENT].contains(&answer.status), "PUT answered {}", answer.status);
    answer.bytes(0).await?;
    Ok(())
}

pub async fn get(server: &HttpClient, path: &str, bytes: u64) -> anyhow::Result<()> {
    let mut answer = server.request(Method::GET, path, HeaderMap::new(), body::empty()).await?;
    ensure!(answer.status == StatusCode::OK, "GET answered {}", answer.status);
    let mut length = 0;
    while let Some(piece) = answer.piece().await? {
        length += piece.len() as u64;
    }
    ensure!(length == bytes, "{length} bytes came of {bytes}");
    Ok(())
}
