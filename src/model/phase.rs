//! Phases and their guards. A phase says where new content goes and which of two equal holders is read; it never says
//! where the truth is. The guards are pure: somebody else gathers the facts.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job::JobKind;
use super::verification::{OPEN_DIFFERENCES, VerificationFacts};

/// One of the two places in which content can lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Sql,
    Object,
}

/// The steps of a migration, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Sql,
    Shadow,
    Dual,
    Object,
    Sealed,
}

impl Phase {
    pub const ALL: [Self; 5] = [Self::Sql, Self::Shadow, Self::Dual, Self::Object, Self::Sealed];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Shadow => "shadow",
            Self::Dual => "dual",
            Self::Object => "object",
            Self::Sealed => "sealed",
        }
    }

    /// Which holder is read when both are equal.
    pub const fn reads_from(self) -> Side {
        match self {
            Self::Sql | Self::Shadow => Side::Sql,
            Self::Dual | Self::Object | Self::Sealed => Side::Object,
        }
    }

    /// Where new content goes.
    pub const fn writes_to(self) -> Side {
        match self {
            Self::Sql | Self::Shadow | Self::Dual => Side::Sql,
            Self::Object | Self::Sealed => Side::Object,
        }
    }

    /// Whether agents do this kind of work here. `mirror`: the tenant keeps SQL filled in `object`.
    pub const fn calls_for(self, kind: JobKind, mirror: bool) -> bool {
        match (kind, self) {
            (JobKind::Copy, Self::Sql) => false,
            (JobKind::Copy, Self::Shadow | Self::Dual | Self::Object | Self::Sealed) => true,
            (JobKind::WriteBack, Self::Sql | Self::Shadow | Self::Dual) => true,
            (JobKind::WriteBack, Self::Object) => mirror,
            (JobKind::WriteBack, Self::Sealed) => false,
            (JobKind::Purge, Self::Sealed) => true,
            (JobKind::Purge, Self::Sql | Self::Shadow | Self::Dual | Self::Object) => false,
            (JobKind::Restore, Self::Sql) => false,
            (JobKind::Restore, Self::Shadow | Self::Dual | Self::Object | Self::Sealed) => true,
            (JobKind::Sweep | JobKind::Changes | JobKind::Verify | JobKind::Keep | JobKind::Collect | JobKind::Backup, _) => true,
        }
    }

    fn next(self) -> Option<Self> {
        match self {
            Self::Sql => Some(Self::Shadow),
            Self::Shadow => Some(Self::Dual),
            Self::Dual => Some(Self::Object),
            Self::Object => Some(Self::Sealed),
            Self::Sealed => None,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a phase: use sql, shadow, dual, object or sealed")]
pub struct PhaseError(String);

impl FromStr for Phase {
    type Err = PhaseError;
    fn from_str(text: &str) -> Result<Self, PhaseError> {
        Self::ALL.into_iter().find(|phase| phase.label() == text).ok_or_else(|| PhaseError(text.chars().take(40).collect()))
    }
}

/// What has to hold before a forward step. Backward steps need nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Forward steps are one at a time.
    OneStep,
    /// The object store did what it was asked, just now.
    StoreProbe,
    /// A sample of documents that both stores hold was compared, byte for byte.
    SampleComparison,
    /// Every document is verified and nothing is quarantined.
    Verification,
}

impl Guard {
    pub const fn label(self) -> &'static str {
        match self {
            Self::OneStep => "one_step",
            Self::StoreProbe => "store_probe",
            Self::SampleComparison => "sample_comparison",
            Self::Verification => "verification",
        }
    }
}

/// The guards of a step, in the order in which they are shown.
pub fn guards(from: Phase, to: Phase) -> &'static [Guard] {
    if to <= from {
        return &[];
    }
    match to {
        Phase::Sql => &[],
        Phase::Shadow | Phase::Dual => &[Guard::OneStep, Guard::StoreProbe],
        Phase::Object => &[Guard::OneStep, Guard::StoreProbe, Guard::SampleComparison],
        Phase::Sealed => &[Guard::OneStep, Guard::StoreProbe, Guard::SampleComparison, Guard::Verification],
    }
}

/// What a comparison of documents found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    pub compared: u64,
    pub different: u64,
    /// Documents that could not be read from one side.
    pub failed: u64,
    /// Documents that changed while they were compared.
    pub moved: u64,
    /// Documents in the tenant's tables with content in SQL and no true copy.
    pub uncopied: u64,
    /// Differences that this sample, a verification or a read found, and nobody has put right.
    pub open_differences: u64,
}

/// What the guards judge. A fact that was not gathered is `None`, and no guard passes on it.
#[derive(Debug, Clone, Default)]
pub struct FlipFacts {
    /// What the tenant's placements passed, or `Err` with what one did wrong.
    pub probe: Option<Result<String, String>>,
    pub sample: Option<Sample>,
    pub verification: Option<VerificationFacts>,
}

/// One guard's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    pub guard: Guard,
    pub passed: bool,
    pub detail: String,
}

fn verdict(guard: Guard, from: Phase, to: Phase, facts: &FlipFacts) -> Verdict {
    let (passed, detail) = match guard {
        Guard::OneStep => match from.next() {
            Some(next) if next == to => (true, format!("{to} follows {from}")),
            Some(next) => (false, format!("forward steps are one at a time: {from} goes to {next} first")),
            None => (false, format!("no phase follows {from}")),
        },
        Guard::StoreProbe => match &facts.probe {
            Some(Ok(passed)) => (true, passed.clone()),
            Some(Err(reason)) => (false, reason.clone()),
            None => (false, "the object store was not probed".to_owned()),
        },
        Guard::SampleComparison => sample_verdict(facts.sample),
        Guard::Verification => match &facts.verification {
            None => (false, "the tenant's verification was not looked at".to_owned()),
            Some(facts) => match &facts.blockers()[..] {
                [] => (true, "every document is verified, and no difference is open".to_owned()),
                blockers => (false, blockers.join("; ")),
            },
        },
    };
    Verdict { guard, passed, detail }
}

fn sample_verdict(sample: Option<Sample>) -> (bool, String) {
    match sample {
        None => (false, "no sample was compared".to_owned()),
        Some(Sample { different, compared, .. }) if different > 0 => (
            false,
            format!(
                "{different} of {compared} sampled documents differ between sql and the object store: `sluss verify` lists what differs"
            ),
        ),
        Some(Sample { open_differences, .. }) if open_differences > 0 => (false, format!("{open_differences} {OPEN_DIFFERENCES}")),
        Some(Sample { failed, .. }) if failed > 0 => (false, format!("{failed} sampled documents could not be read from both stores")),
        Some(Sample { compared: 0, uncopied, .. }) if uncopied > 0 => {
            (false, format!("nothing is copied yet to compare: {uncopied} or more documents wait; run a sweep and let the agents work"))
        }
        Some(Sample { compared: 0, moved, .. }) if moved > 0 => {
            (false, format!("all {moved} sampled documents changed while they were compared; try again"))
        }
        Some(Sample { compared: 0, .. }) => (true, "the tenant has no content to compare".to_owned()),
        Some(Sample { compared, .. }) => (true, format!("{compared} sampled documents are equal in both stores")),
    }
}

/// Every guard of a step with its verdict: what a dry run shows.
pub fn judge(from: Phase, to: Phase, facts: &FlipFacts) -> Vec<Verdict> {
    guards(from, to).iter().map(|guard| verdict(*guard, from, to, facts)).collect()
}

/// The right to flip one tenant once, from the phase it was judged in. Only [`permit`] makes one:
///
/// ```compile_fail,E0451
/// use sluss::model::phase::{FlipPermit, Phase};
/// let forged = FlipPermit { from: Phase::Sql, to: Phase::Sealed };
/// ```
#[derive(Debug)]
pub struct FlipPermit {
    from: Phase,
    to: Phase,
}

impl FlipPermit {
    pub fn from(&self) -> Phase {
        self.from
    }

    pub fn to(&self) -> Phase {
        self.to
    }
}

/// A permit, or every blocker.
pub fn permit(from: Phase, to: Phase, facts: &FlipFacts) -> Result<FlipPermit, Vec<Verdict>> {
    let blockers: Vec<Verdict> = judge(from, to, facts).into_iter().filter(|verdict| !verdict.passed).collect();
    if blockers.is_empty() { Ok(FlipPermit { from, to }) } else { Err(blockers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_good() -> FlipFacts {
        FlipFacts {
            probe: Some(Ok("passed".into())),
            sample: Some(Sample { compared: 5, ..Sample::default() }),
            verification: Some(VerificationFacts::default()),
        }
    }

    #[test]
    fn backward_steps_need_no_fact_at_all() {
        for from in Phase::ALL {
            for to in Phase::ALL.into_iter().filter(|to| *to < from) {
                assert!(permit(from, to, &FlipFacts::default()).is_ok(), "{from} to {to}");
            }
        }
    }

    #[test]
    fn forward_steps_are_one_at_a_time() {
        for from in Phase::ALL {
            for to in Phase::ALL.into_iter().filter(|to| *to > from) {
                assert_eq!(permit(from, to, &all_good()).is_ok(), from.next() == Some(to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn no_forward_step_passes_without_its_facts() {
        for (from, to) in Phase::ALL.into_iter().filter_map(|from| Some((from, from.next()?))) {
            assert!(permit(from, to, &FlipFacts::default()).is_err(), "{from} to {to}");
            let broken = FlipFacts { probe: Some(Err("read back other bytes".into())), ..all_good() };
            assert!(permit(from, to, &broken).is_err(), "{from} to {to}");
        }
    }

    #[test]
    fn object_needs_an_equal_sample() {
        let sampled = |sample| FlipFacts { sample: Some(sample), ..all_good() };
        let blocked = |sample| permit(Phase::Dual, Phase::Object, &sampled(sample)).is_err();
        assert!(blocked(Sample { compared: 9, different: 1, ..Sample::default() }));
        assert!(blocked(Sample { compared: 9, failed: 1, ..Sample::default() }));
        assert!(blocked(Sample { uncopied: 1, ..Sample::default() }));
        assert!(blocked(Sample { moved: 1, ..Sample::default() }));
        assert!(blocked(Sample { compared: 9, open_differences: 1, ..Sample::default() }));
        assert!(!blocked(Sample { compared: 9, uncopied: 3, ..Sample::default() }));
        assert!(!blocked(Sample::default()));
    }

    #[test]
    fn sealed_needs_a_verification_without_a_blocker() {
        let verified = |verification| permit(Phase::Object, Phase::Sealed, &FlipFacts { verification, ..all_good() });
        assert!(verified(Some(VerificationFacts::default())).is_ok());
        for facts in [None, Some(VerificationFacts { unverified: 1, ..VerificationFacts::default() })] {
            let blockers = verified(facts).unwrap_err();
            assert_eq!(blockers.iter().map(|blocker| blocker.guard).collect::<Vec<_>>(), [Guard::Verification]);
        }
    }

    #[test]
    fn what_only_the_object_store_holds_is_written_back_before_object() {
        for phase in [Phase::Sql, Phase::Shadow, Phase::Dual] {
            assert!(phase.calls_for(JobKind::WriteBack, false), "{phase}");
        }
        assert!(!Phase::Object.calls_for(JobKind::WriteBack, false));
        assert!(Phase::Object.calls_for(JobKind::WriteBack, true));
        assert!(!Phase::Sealed.calls_for(JobKind::WriteBack, true));
    }
}
