//! What the process says about itself: metrics and log lines. Neither ever names a document in a label, nor a secret anywhere.

mod backups;
mod families;
mod labels;
mod logging;
mod metrics;
mod standing;
mod traffic;
mod upstream;

pub use backups::BackupGauge;
pub use labels::{CacheOutcome, Direction, HeldBy, JobOutcome, Refusal, ServedFrom, ShadowVerdict, Shed, UpstreamTrouble};
pub use logging::{LogFormat, LoggingError, init};
pub use metrics::{Answered, HeldDocuments, InFlight, JobGauge, METRICS_MEDIA_TYPE, Metrics, PlacementGauge};
pub use traffic::{SOURCES, Step};
