//! What a comparison of a document's holders can find, and what the guards make of it. It reads no byte of anybody's content:
//! it judges the facts that somebody else has gathered.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::Fingerprint;
use super::id::{CollectionName, DocId, ObjectRef};
use super::location::{Labels, Location};
use super::stamp::{Epoch, Revision};

/// What is not as the document's row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// SQL's bytes are not those of the location, and no trigger saw them change.
    SqlBytes,
    /// The object's bytes are not those of the location, or the object cannot be read as what was stored.
    ObjectBytes,
    /// The location names an object that is not there.
    ObjectMissing,
    /// The object's own media type or file name are not those that it was stored with.
    Labels,
    /// An object, or some other name among the objects, that no row names.
    AlienObject,
    /// Rows that cannot be.
    Impossible,
}

impl DifferenceKind {
    pub const ALL: [Self; 6] = [Self::SqlBytes, Self::ObjectBytes, Self::ObjectMissing, Self::Labels, Self::AlienObject, Self::Impossible];

    pub const fn label(self) -> &'static str {
        match self {
            Self::SqlBytes => "sql_bytes",
            Self::ObjectBytes => "object_bytes",
            Self::ObjectMissing => "object_missing",
            Self::Labels => "labels",
            Self::AlienObject => "alien_object",
            Self::Impossible => "impossible",
        }
    }

    /// Whether a fresh copy of what SQL holds makes this good, where SQL holds it.
    pub const fn is_healed_by_a_copy(self) -> bool {
        match self {
            Self::SqlBytes | Self::ObjectBytes | Self::ObjectMissing | Self::Labels => true,
            Self::AlienObject | Self::Impossible => false,
        }
    }

    /// Whether clients lose content by it where nobody else holds it.
    pub const fn is_loss(self) -> bool {
        match self {
            Self::ObjectBytes | Self::ObjectMissing => true,
            Self::SqlBytes | Self::Labels | Self::AlienObject | Self::Impossible => false,
        }
    }
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SqlBytes => "sql's bytes are not what the location says",
            Self::ObjectBytes => "the object's bytes are not what the location says",
            Self::ObjectMissing => "the object is missing",
            Self::Labels => "the object's media type or file name are not what it was stored with",
            Self::AlienObject => "no row names this object",
            Self::Impossible => "rows that cannot be",
        })
    }
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    Verify,
    /// A read in phase `shadow`, compared beside it.
    Shadow,
    /// The sample that a flip compares.
    Sample,
}

impl FoundBy {
    pub const ALL: [Self; 3] = [Self::Verify, Self::Shadow, Self::Sample];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Shadow => "shadow",
            Self::Sample => "sample",
        }
    }
}

/// What was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// It stands, and stops flips.
    Open,
    /// The object became a version, and a copy of what SQL holds was asked for.
    Replaced,
}

impl Remedy {
    pub const ALL: [Self; 2] = [Self::Open, Self::Replaced];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replaced => "replaced",
        }
    }
}

/// A label of a table that is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a label of a difference")]
pub struct UnknownLabel(String);

macro_rules! labelled {
    ($($type:ident),+) => {
        $(impl FromStr for $type {
            type Err = UnknownLabel;
            fn from_str(text: &str) -> Result<Self, UnknownLabel> {
                Self::ALL.into_iter().find(|one| one.label() == text).ok_or_else(|| UnknownLabel(text.to_owned()))
            }
        })+
    };
}
labelled!(DifferenceKind, FoundBy, Remedy);

/// What one side says or holds. What it does not know, or has no word on, is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub length_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// Of 1 MiB each, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_differing_piece: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_name: Option<String>,
    /// What else there is to say, such as a store's own words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// What each side says of one document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sides {
    /// What the row says that there is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Facts>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sql: Option<Facts>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<Facts>,
}

/// What a reader of one side found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// `None`: it cannot be read to its end.
    pub content: Option<Fingerprint>,
    /// Of the object's own metadata.
    pub labels: Option<Labels>,
    pub note: Option<String>,
}

/// What the object store has under the name that the location gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundObject {
    /// The content is empty, and no object is named for it.
    NotNamed,
    Missing,
    There(Found),
}

/// All that differs, of a document whose rows were seen again after it was read. `sql`: where SQL holds the content, too.
pub fn differences(location: &Location, sql: Option<&Found>, object: &FoundObject) -> Vec<DifferenceKind> {
    let mut found = Vec::new();
    if sql.is_some_and(|sql| sql.content.as_ref() != Some(&location.content)) {
        found.push(DifferenceKind::SqlBytes);
    }
    match object {
        FoundObject::NotNamed => {}
        FoundObject::Missing => found.push(DifferenceKind::ObjectMissing),
        FoundObject::There(object) => {
            if object.content.as_ref() != Some(&location.content) {
                found.push(DifferenceKind::ObjectBytes);
            }
            if object.labels.as_ref().is_some_and(|labels| *labels != location.labels) {
                found.push(DifferenceKind::Labels);
            }
        }
    }
    found
}

/// What a difference is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Document(CollectionName, DocId),
    /// A name among the objects: an object's id, or whatever else lies there.
    Object(String),
}

/// A difference as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub subject: Subject,
    pub kind: DifferenceKind,
    /// The object is the only holder.
    pub sole: bool,
    pub found_by: FoundBy,
    pub remedy: Remedy,
    /// What the location named, and of which revision; it has to name it still when the finding is noted.
    pub object: Option<ObjectRef>,
    pub located: Option<Revision>,
    pub sides: Sides,
}

/// A document whose holders were read and found equal. It counts only while the location names this object and revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub id: DocId,
    pub object: Option<ObjectRef>,
    pub revision: Revision,
}

/// A difference as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// In the order in which they were first found.
    pub number: u64,
    pub kind: DifferenceKind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub collection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<String>,
    pub sole: bool,
    pub found_by: FoundBy,
    /// The last time.
    pub found_at: Timestamp,
    pub remedy: Remedy,
    pub sides: Sides,
}

/// What is asked of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyWish {
    /// Replaces the objects of differing documents that SQL holds, too.
    pub repair: bool,
    /// By the clock, at its own pace; it does not begin while another verification is under way.
    pub background: bool,
}

/// How far a verification is, and what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct VerifyFigures {
    /// Rows looked at.
    pub documents: u64,
    /// Content read, from both sides.
    pub bytes: u64,
    pub verified: u64,
    /// With content in SQL and no true copy since before the run began.
    pub unlocated: u64,
    /// Changed while they were compared, or after the run began.
    pub moved: u64,
    pub different: u64,
    /// Could not be read from one side.
    pub failed: u64,
    /// Objects whose names were looked for among the rows.
    pub objects: u64,
}

impl VerifyFigures {
    /// Those of two collections together.
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            documents: self.documents + other.documents,
            bytes: self.bytes + other.bytes,
            verified: self.verified + other.verified,
            unlocated: self.unlocated + other.unlocated,
            moved: self.moved + other.moved,
            different: self.different + other.different,
            failed: self.failed + other.failed,
            objects: self.objects + other.objects,
        }
    }
}

/// The verification of one collection: one that is under way, or the last that came to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyRun {
    pub collection: String,
    /// Of two runs the later one has the higher number.
    pub number: u64,
    pub repair: bool,
    pub background: bool,
    pub started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    pub epoch: u64,
    /// No row that existed when the run began had a higher one.
    pub revision: u64,
    #[serde(flatten)]
    pub figures: VerifyFigures,
    /// Where it has come to.
    #[serde(skip)]
    pub place: Option<String>,
}

/// What the guard of `sealed` judges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerificationFacts {
    /// Collections without a verification in this epoch that came to the end.
    pub never: Vec<String>,
    /// Of the last verifications that came to the end.
    pub unlocated: u64,
    pub different: u64,
    pub failed: u64,
    /// Documents that were not found equal since their location changed; those of late were looked at for this flip.
    pub unverified: u64,
    pub open_differences: u64,
    pub quarantined: u64,
}

impl VerificationFacts {
    /// Of the runs of a tenant that is in this epoch.
    pub fn of(collections: &[&str], runs: &[VerifyRun], epoch: Epoch) -> Self {
        let complete = |name: &str| {
            let ended = runs.iter().filter(|run| run.collection == name && run.ended_at.is_some() && run.epoch == epoch.0);
            ended.max_by_key(|run| run.number)
        };
        let mut facts = Self::default();
        for name in collections {
            match complete(name) {
                None => facts.never.push((*name).to_owned()),
                Some(run) => {
                    facts.unlocated += run.figures.unlocated;
                    facts.different += run.figures.different;
                    facts.failed += run.figures.failed;
                }
            }
        }
        facts
    }

    /// Every blocker with what to do about it; none where nothing speaks against sealing.
    pub fn blockers(&self) -> Vec<String> {
        let mut blockers = Vec::new();
        if !self.never.is_empty() {
            blockers.push(format!("{} was never verified as a whole: run `sluss verify`", self.never.join(", ")));
        }
        let figures = [
            (self.unlocated, "documents had no true copy at the last verification: sweep, let the agents work, and verify again"),
            (self.different, "documents differed at the last verification: put them right (`sluss verify --repair`), and verify again"),
            (self.failed, "documents could not be read at the last verification: see the log, and verify again"),
            (self.open_differences, OPEN_DIFFERENCES),
            (self.unverified, "documents were not verified since they changed: run `sluss verify` again"),
            (self.quarantined, "jobs are quarantined: `sluss jobs list --state quarantined` tells why"),
        ];
        blockers.extend(figures.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        blockers
    }
}

/// What a guard says after their number.
pub const OPEN_DIFFERENCES: &str =
    "differences are open: `sluss verify` lists them and drops those that are no more, `--repair` replaces what SQL holds, too";

#[cfg(test)]
mod tests;
