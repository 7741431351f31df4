//! One large object in and out, as fast as it goes.

use anyhow::ensure;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{Method, StatusCode};
use sluss::body;
use sluss_s3::Bucket;
use tokio::time::Instant;

use super::plain::Plain;
use super::{PART_BYTES, median};
use crate::house::House;

/// What Sluss is to reach of the plain program's throughput. Where store, Sluss and client share few cores, it is their CPU time that is
/// measured, and Sluss has work of its own: it hashes what comes in, and checks what goes out.
const TARGET: f64 = 0.9;

/// An id that no small document has.
const PATH: &str = "/v1/tenants/acme/documents/1000000";
const KEY: &str = "plain/large";

/// What the client of a gateway sends at once.
const PORTION: usize = 64 << 10;

pub async fn run(house: &House, bucket: &Bucket, runs: u32, bytes: u64) -> anyhow::Result<()> {
    let plain = Plain { client: bucket.client(), bucket: bucket.name().to_owned() };
    let part = Bytes::from(vec![7; usize::try_from(PART_BYTES)?]);
    println!("\n{:<34} {:>12} {:>12} {:>8} {:>10}", format!("{bytes} bytes, MB/s"), "plain SDK", "Sluss", "ratio", "target");
    let (mut puts, mut gets) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    for _ in 0..runs {
        let rate = |begun: Instant| bytes as f64 / 1e6 / begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        plain.put(KEY, &part, bytes).await?;
        puts[0].push(rate(begun));
        let begun = Instant::now();
        put(house, bytes).await?;
        puts[1].push(rate(begun));
        let begun = Instant::now();
        ensure!(plain.get(KEY).await? == bytes, "the plain program reads all of it");
        gets[0].push(rate(begun));
        let begun = Instant::now();
        get(house, bytes).await?;
        gets[1].push(rate(begun));
    }
    for (operation, figures) in [("PUT, in parts", puts), ("GET", gets)] {
        let [plain, sluss] = figures.map(median);
        println!("{operation:<34} {plain:>12.0} {sluss:>12.0} {:>8.2} {TARGET:>10.2}", sluss / plain);
    }
    Ok(())
}

async fn put(house: &House, bytes: u64) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, bytes.into());
    let portion = Bytes::from(vec![7; PORTION]);
    let content = stream::unfold(0, move |at| {
        let length = usize::try_from(bytes - at).unwrap_or(PORTION).min(PORTION);
        let portion = portion.slice(..length);
        async move { (length > 0).then(|| (Ok(portion), at + length as u64)) }
    });
    let answer = house.documents.request(Method::PUT, PATH, headers, body::stream(content)).await?;
    ensure!([StatusCode::CREATED, StatusCode::NO_CONTENT].contains(&answer.status), "PUT answered {}", answer.status);
    answer.bytes(0).await?;
    Ok(())
}

async fn get(house: &House, bytes: u64) -> anyhow::Result<()> {
    let mut answer = house.documents.request(Method::GET, PATH, HeaderMap::new(), body::empty()).await?;
    ensure!(answer.status == StatusCode::OK, "GET answered {}", answer.status);
    let mut length = 0;
    while let Some(piece) = answer.piece().await? {
        length += piece.len() as u64;
    }
    ensure!(length == bytes, "{length} bytes came of {bytes}");
    Ok(())
}
