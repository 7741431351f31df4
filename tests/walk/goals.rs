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
    fn short() -> Self {
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

    /// The short form, or what `make torture` asks for.
    pub fn from_environment() -> Self {
        setting("SLUSS_TORTURE_SECONDS").map_or_else(Self::short, |seconds| Self::long(Duration::from_secs(seconds)))
    }

    fn long(lasts: Duration) -> Self {
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
    let seed = setting("SLUSS_SEED").unwrap_or_else(|| u64::from(rand::random::<u16>()));
    println!("SLUSS_SEED={seed}");
    seed
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}
