//! Which faults there are, and how often each strikes. Plain data, printed and parsed as text.

use std::fmt;
use std::str::FromStr;

/// One way in which a store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// An error, and nothing has happened.
    Before,
    /// An error, and it has happened all the same.
    After,
    /// The call takes longer.
    Delay,
    /// No answer until the caller gives up.
    Hang,
    /// A content's stream breaks in the middle.
    Break,
    /// A byte of an object is another on its way.
    Flip,
    /// An object is not there, once.
    Gone,
    /// An upload is answered with an error, and lands later.
    Late,
    /// No room, or too many requests.
    Full,
}

impl FaultKind {
    pub const ALL: [Self; 9] =
        [Self::Before, Self::After, Self::Delay, Self::Hang, Self::Break, Self::Flip, Self::Gone, Self::Late, Self::Full];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Delay => "delay",
            Self::Hang => "hang",
            Self::Break => "break",
            Self::Flip => "flip",
            Self::Gone => "gone",
            Self::Late => "late",
            Self::Full => "full",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// How often each kind strikes, as a share of the calls that it can strike.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaultPlan {
    pub seed: u64,
    rates: [f64; FaultKind::ALL.len()],
}

impl FaultPlan {
    pub fn quiet(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// A share outside 0 to 1 is brought to the nearer end.
    pub fn with(mut self, kind: FaultKind, rate: f64) -> Self {
        self.rates[kind.index()] = rate.clamp(0.0, 1.0);
        self
    }

    pub fn rate(&self, kind: FaultKind) -> f64 {
        self.rates[kind.index()]
    }

    /// The kinds that strike at all.
    pub fn kinds(&self) -> impl Iterator<Item = FaultKind> {
        FaultKind::ALL.into_iter().filter(|kind| self.rate(*kind) > 0.0)
    }
}

/// As in `seed=7,rate=0.02,hang=0`: `rate` holds for all kinds, a kind's own name for that kind, the later one wins.
impl FromStr for FaultPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut plan = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not `name=value`"))?;
            let rate = || match value.parse::<f64>() {
                Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
                Ok(_) | Err(_) => Err(format!("{name}={value}: a rate lies between 0 and 1")),
            };
            match (name, FaultKind::ALL.iter().find(|kind| kind.label() == name)) {
                ("seed", _) => plan.seed = value.parse().map_err(|_| format!("{value:?} is not a seed: use a whole number"))?,
                ("rate", _) => plan.rates = [rate()?; FaultKind::ALL.len()],
                (_, Some(kind)) => plan = plan.with(*kind, rate()?),
                (_, None) => {
                    let known: Vec<&str> = FaultKind::ALL.iter().map(|kind| kind.label()).collect();
                    return Err(format!("{name:?} is not known: use seed, rate, {}", known.join(", ")));
                }
            }
        }
        Ok(plan)
    }
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed={}", self.seed)?;
        self.kinds().try_for_each(|kind| write!(f, ",{}={}", kind.label(), self.rate(kind)))
    }
}
