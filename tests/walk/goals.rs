//! How much has to happen before a run is enough.

use std::time::Duration;

pub struct Goals {
    pub operations: u64,
    pub kills: u64,
    pub between_kills: Duration,
    /// Between two flips.
    pub step: Duration,
    /// A run goes on for this long, however fast the rest is reached.
    pub at_least: Duration,
    /// A run that has not come to its goals by then has failed.
    pub patience: Duration,
    pub seed: u64,
}

impl Goals {
    /// For every change: about a minute.
    pub fn short() -> Self {
        Self {
            operations: 2_000,
            kills: 10,
            between_kills: Duration::from_secs(3),
            step: Duration::from_secs(5),
            at_least: Duration::from_secs(35),
            patience: Duration::from_secs(240),
            seed: seed(),
        }
    }

    /// What `make torture` asks for.
    pub fn long(seconds: u64) -> Self {
        let lasts = Duration::from_secs(seconds);
        Self {
            operations: 20_000,
            kills: 50,
            between_kills: Duration::from_secs(4),
            step: Duration::from_secs(12),
            at_least: lasts,
            patience: lasts * 2 + Duration::from_secs(600),
            seed: seed(),
        }
    }
}

/// Printed, so that the clients' requests can be made again; when processes die is up to the machine.
fn seed() -> u64 {
    let seed = match std::env::var("SLUSS_SEED") {
        Ok(seed) => seed.parse().expect("SLUSS_SEED is a number"),
        Err(_) => u64::from(rand::random::<u16>()),
    };
    println!("SLUSS_SEED={seed}");
    seed
}
