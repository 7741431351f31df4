//! Small documents that everybody wants, from memory: requests a second, and what CPU time one costs Sluss, and nginx with its cache on
//! before the same bucket.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use sluss::model::phase::Phase;
use sluss_s3::{Bucket, Server};
use tokio::time::Instant;

use super::nginx::Nginx;
use super::plain::Plain;
use super::{median, small};
use crate::house::House;
use crate::traffic::Traffic;

const BYTES: usize = 16 << 10;
const DOCUMENTS: usize = 200;
const CLIENTS: usize = 16;

pub async fn run(runs: u32, lasts: Duration) -> anyhow::Result<()> {
    let bucket = Bucket::new();
    // The cache as shipped.
    let house = super::before(&bucket, "").await?;
    for id in 1..=DOCUMENTS {
        small::put(&house.documents, id, BYTES).await?;
    }
    Plain::in_bucket(&bucket).open_to_anyone().await?;
    let nginx = Nginx::caching(bucket.endpoint()).await?;
    let traffic = |server, paths: Vec<String>| Traffic { server, paths: paths.into(), bytes: BYTES, clients: CLIENTS };
    let from_sluss = Arc::new(traffic(house.documents.clone(), (1..=DOCUMENTS).map(small::path).collect()));
    let keys = small::keys(&house, DOCUMENTS)?;
    let from_nginx = traffic(nginx.client.clone(), keys.iter().map(|key| format!("/{}/{key}", bucket.name())).collect());
    println!("the store: {}, median of {runs} runs each\n", Server::shared().endpoint);
    println!("{:<34} {:>12} {:>12}", format!("hot GET of {BYTES} bytes, {CLIENTS} at once"), "a second", "CPU us each");
    for phase in [Phase::Object, Phase::Dual] {
        if phase != Phase::Object {
            house.flip(phase).await?;
        }
        measure(&house, &from_sluss, &nginx, &from_nginx, phase, (runs, lasts)).await?;
    }
    Ok(())
}

/// Both take turns, so that the machine's moods meet both.
async fn measure(
    house: &House,
    from_sluss: &Traffic,
    nginx: &Nginx,
    from_nginx: &Traffic,
    phase: Phase,
    (runs, lasts): (u32, Duration),
) -> anyhow::Result<()> {
    from_sluss.warm_up().await?;
    from_nginx.warm_up().await?;
    let (sluss, other) = (from_sluss.header("served-from").await?, from_nginx.header("x-cache").await?);
    ensure!((&*sluss, &*other) == ("cache", "HIT"), "Sluss served from {sluss}, and nginx's cache says {other}");
    let (mut ours, mut theirs) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for _ in 0..runs {
        one(from_sluss, lasts, || house.cpu(), &mut ours).await?;
        one(from_nginx, lasts, || nginx.cpu(), &mut theirs).await?;
    }
    for (name, (rates, costs)) in [(format!("Sluss, phase {phase}"), ours), ("nginx, its cache on, unsigned".to_owned(), theirs)] {
        println!("{name:<34} {:>12.0} {:>12.0}", median(rates), median(costs));
    }
    Ok(())
}

async fn one(
    traffic: &Traffic,
    lasts: Duration,
    cpu: impl Fn() -> anyhow::Result<Duration>,
    (rates, costs): &mut (Vec<f64>, Vec<f64>),
) -> anyhow::Result<()> {
    let (before, begun) = (cpu()?, Instant::now());
    let done = traffic.run(lasts).await?.len() as f64;
    rates.push(done / begun.elapsed().as_secs_f64());
    costs.push((cpu()? - before).as_secs_f64() * 1e6 / done);
    Ok(())
}
