//! What `sluss doctor` finds on a tenant's database: a list of findings, each with what it means and what to do. Finding something is never
//! a failure, and nothing is changed.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    Ok,
    /// Good to know.
    Note,
    /// Something will fail, or cost much, unless somebody acts.
    Warning,
    /// Sluss cannot work with it.
    Refused,
}

impl Gravity {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Refused => "refused",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub gravity: Gravity,
    pub about: String,
    /// What is there, and what it means.
    pub found: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

impl Finding {
    pub fn ok(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { gravity: Gravity::Ok, about: about.into(), found: found.into(), advice: String::new() }
    }

    pub fn note(about: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { gravity: Gravity::Note, advice: advice.into(), ..Self::ok(about, found) }
    }

    pub fn warning(about: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, advice: advice.into(), ..Self::ok(about, found) }
    }

    pub fn refused(about: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { gravity: Gravity::Refused, advice: advice.into(), ..Self::ok(about, found) }
    }
}
