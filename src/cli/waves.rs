//! `sluss tenant phase`: one flip, or a wave of them over many tenants, one after the other. A wave stops at the first tenant that
//! does not go along, and never picks one that was not asked for.

use std::num::NonZeroUsize;
use std::str::FromStr;

use clap::Args;
use http::Method;
use serde::Serialize;

use super::progress::Progress;
use super::remote::{Remote, print_flip, print_outcome, read};
use super::{AdminArgs, Exit};
use crate::admin::views::{TenantList, TenantView};
use crate::migrate::cutover::{FlipOutcome, FlipReport};
use crate::model::phase::Phase;

#[derive(Debug, Args)]
pub(super) struct PhaseArgs {
    #[arg(required_unless_present = "conditions", conflicts_with = "conditions")]
    tenant: Option<String>,
    /// sql, shadow, dual, object or sealed.
    #[arg(value_name = "TO", required_unless_present = "conditions")]
    phase: Option<Phase>,
    /// Instead of one tenant: all that fit, by name; given twice, both have to.
    #[arg(long = "where", value_name = "phase=PHASE|tenant=NAME*", requires = "to")]
    conditions: Vec<Condition>,
    /// With --where: so many at most.
    #[arg(long, requires = "conditions")]
    limit: Option<NonZeroUsize>,
    /// With --where: the phase to go to.
    #[arg(long, value_name = "PHASE", requires = "conditions")]
    to: Option<Phase>,
    /// Shows each guard's verdict, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Which tenants are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Phase(Phase),
    Tenant(String),
    /// All whose names begin so.
    Prefix(String),
}

impl FromStr for Condition {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("phase", phase)) => phase.parse().map(Self::Phase).map_err(|error| format!("{error}")),
            Some(("tenant", name)) if !name.is_empty() => Ok(match name.strip_suffix('*') {
                Some(prefix) => Self::Prefix(prefix.to_owned()),
                None => Self::Tenant(name.to_owned()),
            }),
            Some(_) | None => Err("write phase=PHASE, tenant=NAME or tenant=BEGINNING*".to_owned()),
        }
    }
}

impl Condition {
    fn fits(&self, tenant: &TenantView, phase: Phase) -> bool {
        match self {
            Self::Phase(wanted) => *wanted == phase,
            Self::Tenant(name) => tenant.tenant == *name,
            Self::Prefix(beginning) => tenant.tenant.starts_with(beginning),
        }
    }
}

/// What a wave did, as one JSON object.
#[derive(Debug, Serialize)]
struct Wave {
    to: Phase,
    dry_run: bool,
    flips: Vec<FlipReport>,
    /// The tenant whose flip failed, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    /// Tenants that fit and are not in that phase yet.
    left: usize,
    /// Tenants whose phase cannot be told, and why.
    unknown: Vec<String>,
}

pub(super) async fn run(args: PhaseArgs, json: bool) -> anyhow::Result<Exit> {
    let remote = Remote::new(&args.admin, json)?;
    match (&args.tenant, args.phase, args.to) {
        (Some(tenant), Some(phase), _) => remote.flip(tenant, phase, args.dry_run).await,
        (_, _, Some(to)) => remote.wave(&args, to).await,
        (_, _, None) => anyhow::bail!("say which tenant goes to which phase"),
    }
}

impl Remote {
    async fn flip(&self, tenant: &str, to: Phase, dry_run: bool) -> anyhow::Result<Exit> {
        let answer = self.ask_flip(tenant, to, dry_run).await?;
        let printed = self.printed(&answer);
        let report: FlipReport = read(answer)?;
        if !printed {
            print_flip(&report);
        }
        Ok(exit(report.outcome))
    }

    async fn wave(&self, args: &PhaseArgs, to: Phase) -> anyhow::Result<Exit> {
        let list: TenantList = read(self.ask(Method::GET, "/admin/v1/tenants", None).await?)?;
        let (chosen, unknown) = choose(&list, &args.conditions, to);
        let mut wave = Wave { to, dry_run: args.dry_run, flips: Vec::new(), failed: None, left: chosen.len(), unknown };
        let mut ended = Exit::Done;
        let turns = &chosen[..chosen.len().min(args.limit.map_or(usize::MAX, NonZeroUsize::get))];
        let mut progress = Progress::new(to.label(), self.is_json());
        for (done, tenant) in turns.iter().enumerate() {
            progress.show(done as u64, Some(turns.len() as u64), |pace| format!("{done} of {} tenants{pace}, at {tenant}", turns.len()));
            ended = self.next_of(&mut wave, &progress, tenant).await;
            // A dry run changes nothing, so it can show what would stop the others, too.
            if ended != Exit::Done && !(args.dry_run && ended == Exit::Refused) {
                break;
            }
        }
        drop(progress);
        if wave.flips.iter().any(|report| report.outcome == FlipOutcome::Blocked) && ended == Exit::Done {
            ended = Exit::Refused;
        }
        if !self.printed(&serde_json::to_value(&wave)?) {
            print_end(&wave);
        }
        Ok(ended)
    }

    async fn next_of(&self, wave: &mut Wave, progress: &Progress, tenant: &str) -> Exit {
        let answer = self.ask_flip(tenant, wave.to, wave.dry_run).await;
        let report: FlipReport = match answer.and_then(read) {
            Ok(report) => report,
            Err(error) => {
                if !self.is_json() {
                    progress.beside(|| println!("{tenant}: {error:#}"));
                }
                wave.failed = Some(format!("{tenant}: {error:#}"));
                return Exit::Failed;
            }
        };
        if !self.is_json() {
            progress.beside(|| print_outcome(&report));
        }
        let outcome = report.outcome;
        wave.left -= usize::from(matches!(outcome, FlipOutcome::Flipped | FlipOutcome::AlreadyThere));
        wave.flips.push(report);
        exit(outcome)
    }
}

fn exit(outcome: FlipOutcome) -> Exit {
    match outcome {
        FlipOutcome::Flipped | FlipOutcome::AlreadyThere | FlipOutcome::WouldFlip => Exit::Done,
        FlipOutcome::Blocked => Exit::Refused,
        FlipOutcome::Moved => Exit::Failed,
    }
}

/// Those that fit and are not there yet, by name; and those of which nobody can tell.
fn choose(list: &TenantList, conditions: &[Condition], to: Phase) -> (Vec<String>, Vec<String>) {
    let (mut chosen, mut unknown) = (Vec::new(), Vec::new());
    for tenant in &list.tenants {
        match tenant.phase {
            Some(phase) if phase != to && conditions.iter().all(|condition| condition.fits(tenant, phase)) => {
                chosen.push(tenant.tenant.clone());
            }
            Some(_) => {}
            None => unknown.push(format!("{}: {}", tenant.tenant, tenant.problem.as_deref().unwrap_or("its phase is not known"))),
        }
    }
    chosen.sort();
    (chosen, unknown)
}

fn print_end(wave: &Wave) {
    for unknown in &wave.unknown {
        println!("left out, because its phase cannot be told: {unknown}");
    }
    let count = |outcome| wave.flips.iter().filter(|report| report.outcome == outcome).count();
    if wave.dry_run {
        let (would, looked) = (count(FlipOutcome::WouldFlip), wave.flips.len());
        println!("{would} of {looked} would go to {}; nothing was changed; {} tenants fit", wave.to, wave.left);
    } else {
        println!("{} flipped to {}, {} left", count(FlipOutcome::Flipped), wave.to, wave.left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str, phase: Option<Phase>) -> TenantView {
        serde_json::from_value(serde_json::json!({
            "tenant": name, "phase": phase, "backlog": 0, "quarantined": 0, "only_in_object_store": 0, "open_uploads": 0,
        }))
        .unwrap()
    }

    #[test]
    fn a_condition_is_a_phase_a_name_or_the_beginning_of_names() {
        assert_eq!("phase=shadow".parse(), Ok(Condition::Phase(Phase::Shadow)));
        assert_eq!("tenant=acme".parse(), Ok(Condition::Tenant("acme".into())));
        assert_eq!("tenant=ac*".parse(), Ok(Condition::Prefix("ac".into())));
        for bad in ["shadow", "phase=frozen", "phase", "colour=red", "tenant="] {
            assert!(bad.parse::<Condition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wave_takes_whom_every_condition_fits_by_name_and_who_is_not_there_yet() {
        let tenants = vec![
            tenant("c1", Some(Phase::Shadow)),
            tenant("a2", Some(Phase::Shadow)),
            tenant("a1", Some(Phase::Shadow)),
            tenant("a3", Some(Phase::Sql)),
            tenant("a4", None),
        ];
        let list = TenantList { tenants };
        let chosen = |conditions: &[&str], to| choose(&list, &conditions.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>(), to);
        assert_eq!(chosen(&["phase=shadow"], Phase::Dual).0, ["a1", "a2", "c1"]);
        assert_eq!(chosen(&["phase=shadow", "tenant=a*"], Phase::Dual).0, ["a1", "a2"]);
        assert_eq!(chosen(&["tenant=a*"], Phase::Shadow).0, ["a3"]);
        assert_eq!(chosen(&["phase=shadow"], Phase::Dual).1, ["a4: its phase is not known"]);
    }
}
