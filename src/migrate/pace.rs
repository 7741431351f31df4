//! How fast the agents may work: documents and bytes a second, for each tenant and in all. It slows what passes; it never stops
//! a job: that is a pause.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;

use super::throttle::Throttle;
use crate::lock::lock;
use crate::model::id::TenantId;
use crate::model::limits::{Allowed, LimitScope};
use crate::store::error::Interrupted;
use crate::store::object::ByteStream;

/// The two rates of one scope.
struct Lines {
    documents: Throttle,
    bytes: Throttle,
}

impl Lines {
    fn new(allowed: &watch::Receiver<Allowed>, scope: &LimitScope) -> Arc<Self> {
        let (of_documents, of_bytes) = (scope.clone(), scope.clone());
        Arc::new(Self {
            documents: Throttle::new(allowed.clone(), move |allowed| allowed.documents_per_second(&of_documents)),
            bytes: Throttle::new(allowed.clone(), move |allowed| allowed.bytes_per_second(&of_bytes)),
        })
    }
}

/// The pace of one process's agents.
pub struct Pace {
    allowed: watch::Receiver<Allowed>,
    all: Arc<Lines>,
    tenants: Mutex<BTreeMap<TenantId, Arc<Lines>>>,
}

impl Pace {
    pub fn new(allowed: watch::Receiver<Allowed>) -> Self {
        let all = Lines::new(&allowed, &LimitScope::All);
        Self { allowed, all, tenants: Mutex::default() }
    }

    /// The pace of work on one tenant.
    pub fn of(&self, tenant: &TenantId) -> TenantPace {
        let mut tenants = lock(&self.tenants);
        let lines = tenants.entry(tenant.clone()).or_insert_with(|| Lines::new(&self.allowed, &LimitScope::Tenant(tenant.clone())));
        TenantPace { tenant: Arc::clone(lines), all: Arc::clone(&self.all) }
    }
}

/// The pace of work on one tenant: its own limits, and then those in all, so that a slow tenant never holds up the others.
#[derive(Clone)]
pub struct TenantPace {
    tenant: Arc<Lines>,
    all: Arc<Lines>,
}

impl TenantPace {
    /// Returns when the next document may be worked on.
    pub async fn document(&self) {
        self.tenant.documents.pass(1).await;
        self.all.documents.pass(1).await;
    }

    /// Returns when these bytes may go on.
    pub async fn pass(&self, bytes: usize) {
        self.tenant.bytes.pass(bytes as u64).await;
        self.all.bytes.pass(bytes as u64).await;
    }

    /// The same content, at this pace.
    pub fn slow(&self, content: ByteStream) -> ByteStream {
        Box::pin(slowed(content, self.clone()))
    }
}

fn slowed(content: ByteStream, pace: TenantPace) -> impl Stream<Item = Result<Bytes, Interrupted>> + Send {
    content.then(move |portion| {
        let pace = pace.clone();
        async move {
            if let Ok(bytes) = &portion {
                pace.pass(bytes.len()).await;
            }
            portion
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::model::limits::{Limit, LimitTable, OwnBounds, WorkLimits};

    fn limit(figure: u64) -> Option<Limit> {
        Some(figure.try_into().unwrap())
    }

    fn pace(all: WorkLimits, acme: WorkLimits) -> (watch::Sender<Allowed>, Pace) {
        let own = OwnBounds { bytes_per_second: None, concurrency: 1 };
        let table = LimitTable { all, tenants: [("acme".parse().unwrap(), acme)].into() };
        let (sender, receiver) = watch::channel(Allowed::by(own).renewed(table, None));
        (sender, Pace::new(receiver))
    }

    fn tenant(pace: &Pace, name: &str) -> TenantPace {
        pace.of(&name.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenants_limit_slows_that_tenant_and_no_other() {
        let (_sender, pace) = pace(WorkLimits::default(), WorkLimits { documents_per_second: limit(1), ..WorkLimits::default() });
        let begun = Instant::now();
        for _ in 0..3 {
            tenant(&pace, "acme").document().await;
            tenant(&pace, "globex").document().await;
        }
        assert_eq!(begun.elapsed().as_secs(), 2);
        let other = tenant(&pace, "globex");
        assert!(timeout(Duration::ZERO, async { (other.document().await, other.document().await) }).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_in_all_is_shared_by_the_tenants() {
        let (_sender, pace) = pace(WorkLimits { bytes_per_second: limit(1000), ..WorkLimits::default() }, WorkLimits::default());
        let begun = Instant::now();
        for name in ["acme", "globex", "acme", "globex", "initech"] {
            tenant(&pace, name).pass(500).await;
        }
        assert_eq!(begun.elapsed().as_millis() / 10, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_waits_for_its_own_limit_does_not_hold_up_the_others() {
        let slow = WorkLimits { bytes_per_second: limit(1), ..WorkLimits::default() };
        let (_sender, pace) = pace(WorkLimits { bytes_per_second: limit(1_000_000), ..WorkLimits::default() }, slow);
        let (acme, globex) = (tenant(&pace, "acme"), tenant(&pace, "globex"));
        acme.pass(3600).await;
        let begun = Instant::now();
        tokio::select! {
            () = acme.pass(1) => panic!("an hour has not passed"),
            () = async { for _ in 0..10 { globex.pass(1000).await } } => {}
        }
        assert!(begun.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slowed_content_is_the_same_content_later() {
        let (_sender, pace) = pace(WorkLimits::default(), WorkLimits { bytes_per_second: limit(1000), ..WorkLimits::default() });
        let portions: Vec<Result<Bytes, Interrupted>> = (0..4_u8).map(|number| Ok(Bytes::from(vec![number; 500]))).collect();
        let begun = Instant::now();
        let slowed: Vec<_> =
            tenant(&pace, "acme").slow(Box::pin(stream::iter(portions))).map(|portion| portion.unwrap()[0]).collect().await;
        assert_eq!((slowed, begun.elapsed().as_millis() / 10), (vec![0, 1, 2, 3], 150));
    }
}
