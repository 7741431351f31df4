//! What goes wrong, and is put right again.

use std::time::Duration;

use sluss_s3::proxy::{Fault, Rule};
use sluss_s3::{Daemon, Daemons, Proxy};
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

/// How long each lasts, without what it takes to put it right.
const LASTS: Duration = Duration::from_secs(2);

/// Of the requests, for each kind of failure.
const OFTEN: f64 = 0.02;

/// Within this, each kind of failure has happened once more, or requests of some kind are not made any more.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Places in bodies are counted round and round: these lie anywhere.
const FAULTS: [Fault; 11] = [
    Fault::Delay(Duration::from_millis(300)),
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::CutInRequest(1_000_003),
    Fault::CutInAnswer(700_001),
    Fault::Flip(123_457),
    Fault::Truncate(54_321),
    Fault::IgnoreRange,
    Fault::InternalError,
    Fault::SlowDown { retry_after_seconds: Some(1) },
    Fault::Hang,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Connections are refused.
    Gateway,
    /// Requests wait for ever.
    Objects,
    /// Nobody is there.
    Network,
    /// Some requests fail in every way there is.
    Flaky,
}

impl Trouble {
    pub const ALL: [Self; 4] = [Self::Gateway, Self::Objects, Self::Network, Self::Flaky];

    /// From its beginning until all is well again.
    pub async fn strike(self, ceph: &Daemons, proxy: &Proxy) {
        match self {
            Self::Gateway => die(ceph, Daemon::Gateway).await,
            Self::Objects => die(ceph, Daemon::Objects).await,
            Self::Network => {
                proxy.down();
                sleep(LASTS).await;
                proxy.up();
            }
            Self::Flaky => {
                for fault in FAULTS {
                    proxy.faults().add(Rule::new(fault).probability(OFTEN));
                }
                each_has_happened(proxy).await;
                proxy.faults().clear();
            }
        }
    }
}

async fn die(ceph: &Daemons, daemon: Daemon) {
    block_in_place(|| ceph.kill(daemon));
    sleep(LASTS).await;
    block_in_place(|| ceph.restart());
}

async fn each_has_happened(proxy: &Proxy) {
    let (begun, count) = (Instant::now(), || FAULTS.map(|fault| proxy.faults().count(&fault)));
    let before = count();
    while begun.elapsed() < LASTS || before.iter().zip(count()).any(|(before, now)| *before == now) {
        assert!(begun.elapsed() < PATIENCE, "not all of it has happened: {:?}", proxy.faults().troubles());
        sleep(LOOK_EVERY).await;
    }
}
