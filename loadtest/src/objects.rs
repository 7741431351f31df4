//! What Sluss adds to a store that speaks S3, here Ceph: one large object and many small ones, through Sluss, by a plain program of the AWS
//! SDK, and through nginx as a proxy. All take turns, so that the machine's moods meet all of them.
//!
//! Lengths are compared, contents are not: making and comparing them would count, too.

use std::time::Duration;

use sluss::model::phase::Phase;
use sluss_s3::{Bucket, Server};

use self::link::Link;
use crate::house::House;

mod crowd;
mod hot;
mod large;
mod link;
mod nginx;
mod plain;
mod small;

pub use self::crowd::{Plan as Crowd, run as crowd};
pub use self::hot::run as hot;

/// Enough for all parts at once: with less Sluss sends fewer, and something else would be measured. Every read is one of the store.
const LIMITS: &str = "buffer_bytes = \"160MiB\"\ncache_bytes = 0\n";

/// The same for Sluss and for the plain program.
pub const PART_BYTES: u64 = 8 << 20;
pub const PARALLEL_PARTS: usize = 4;

pub async fn run(bytes: u64, runs: u32, lasts: Duration) -> anyhow::Result<()> {
    let bucket = Bucket::new();
    let house = before(&bucket, LIMITS).await?;
    println!("the store: {}, median of {runs} runs each\n", Server::shared().endpoint);
    small::run(&house, &bucket, runs, lasts).await?;
    let link = Link::to(bucket.endpoint(), large::LINK).await?;
    let far_bucket = Bucket::new().behind(&link.endpoint);
    let far = before(&far_bucket, LIMITS).await?;
    let here = large::Place { name: "one machine", house: &house, bucket: &bucket, bytes };
    // A quarter: the link takes its time, and a store keeps for a while what was replaced.
    let there = large::Place { name: "over 1 Gbit/s", house: &far, bucket: &far_bucket, bytes: bytes / 4 };
    large::run([here, there], runs).await
}

/// A Sluss whose only tenant writes to this bucket.
async fn before(bucket: &Bucket, limits: &str) -> anyhow::Result<House> {
    let section = format!("{}part_size = \"{PART_BYTES}\"\nparallel_parts = {PARALLEL_PARTS}\n", bucket.objects_section());
    let house = House::with_objects(&section, limits).await?;
    for phase in [Phase::Shadow, Phase::Dual, Phase::Object] {
        house.flip(phase).await?;
    }
    Ok(house)
}

/// Of an odd number, the one in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
