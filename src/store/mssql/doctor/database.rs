//! What is found on the server and the database: pure functions over facts.

use jiff::SignedDuration;

use super::facts::{DatabaseFacts, ServerFacts};
use crate::store::doctor::Finding;

/// 2016 SP1: the first with CREATE OR ALTER for triggers.
const OLDEST: [u32; 3] = [13, 0, 4001];

/// Azure SQL Database and Managed Instance: their versions are no measure of what they can.
const AZURE: [i64; 2] = [5, 8];

/// Within this, clocks that follow NTP are.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

pub(super) fn server(facts: &ServerFacts) -> Finding {
    let ServerFacts { version, edition, engine } = facts;
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    if AZURE.contains(engine) || numbers.as_slice() >= OLDEST.as_slice() {
        return Finding::ok("server", format!("SQL Server {version}, {edition}"));
    }
    Finding::refused("server", format!("SQL Server {version} is too old"), "Sluss needs SQL Server 2016 SP1 (13.0.4001) or newer")
}

/// `ahead`: how much further the database's clock is than this machine's.
pub(super) fn clock(ahead: SignedDuration) -> Finding {
    let (direction, by) = if ahead.is_negative() { ("behind", -ahead) } else { ("ahead of", ahead) };
    let found = format!("the database's clock is {:.1} s {direction} this machine's", by.as_secs_f64());
    if by <= SKEW {
        return Finding::ok("clock", found);
    }
    Finding::warning(
        "clock",
        format!("{found}: leases and the times of documents go by the database's, logs and heartbeats by this one's"),
        "set both by NTP",
    )
}

pub(super) fn read_committed_snapshot(facts: &DatabaseFacts) -> Finding {
    let is = if facts.read_committed_snapshot { "on" } else { "off" };
    let meaning = "nothing has to be changed for Sluss, whose look-ups take a shared lock of their row with both";
    Finding::ok("READ_COMMITTED_SNAPSHOT", format!("{is}: {meaning}"))
}

pub(super) fn compatibility_level(facts: &DatabaseFacts) -> Finding {
    let level = facts.compatibility_level;
    if level >= 100 {
        return Finding::ok("compatibility level", level.to_string());
    }
    Finding::warning(
        "compatibility level",
        format!("{level} is from before SQL Server 2008; no statement of Sluss was tried with it"),
        "raise it, after a look at what the other programs need",
    )
}

pub(super) fn recovery_model(facts: &DatabaseFacts) -> Finding {
    let room = "writing 2 GB of content takes at least 4 GB of transaction log";
    match facts.recovery_model.as_str() {
        "SIMPLE" => Finding::note(
            "recovery model",
            format!("SIMPLE: {room}, free again at the next checkpoint"),
            "give the log room for the largest contents in flight",
        ),
        model => Finding::note(
            "recovery model",
            format!("{model}: {room}, which stay there up to the next log backup"),
            "back the log up often while content is written back or documents are loaded, and give it room",
        ),
    }
}

pub(super) fn read_only(facts: &DatabaseFacts) -> Option<Finding> {
    facts.read_only.then(|| {
        Finding::refused(
            "database",
            "it is read-only: a secondary, or set so by hand",
            "name the primary or the listener as sql.server; or ALTER DATABASE ... SET READ_WRITE",
        )
    })
}

/// `missing`: what the DDL makes and what is not there. `version`: of the tenant's tables, where it has a state.
pub(super) fn schema(missing: &[String], version: Option<i64>, ours: i64) -> Finding {
    let prepare = "run `sluss init`, or give a DBA the script of `sluss init --print-sql`";
    match version {
        None => Finding::warning("schema sluss", "Sluss was not prepared for this tenant yet", prepare),
        Some(version) if version > ours => Finding::refused(
            "schema sluss",
            format!("it has version {version}, and this program knows {ours}: a newer one was here"),
            "run the newer program",
        ),
        Some(_) if !missing.is_empty() => Finding::warning("schema sluss", format!("there is no {}", missing.join(", ")), prepare),
        Some(version) if version < ours => Finding::warning("schema sluss", format!("it has version {version} of {ours}"), prepare),
        Some(version) => Finding::ok("schema sluss", format!("version {version}, complete")),
    }
}

/// What the catalogue keeps from this login.
pub(super) fn unknown(what: &[&str]) -> Option<Finding> {
    (!what.is_empty()).then(|| {
        Finding::note(
            "unknown",
            format!("this login may not see: {}", what.join(", ")),
            "GRANT VIEW DEFINITION on the tables and the database, or run doctor once with a login that may",
        )
    })
}
