//! Backups: what one run made, the manifest that it left in the offsite store, and what serde needs to spell names and hashes as text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::{ContentHash, PieceSums};
use super::id::{ObjectId, PlacementName};
use super::stamp::Stamp;

/// What a manifest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    /// Every document.
    Base,
    /// What changed since the manifest before.
    Increment,
}

impl BackupKind {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Increment => "increment",
        }
    }
}

impl fmt::Display for BackupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not known")]
pub struct UnknownWord {
    what: &'static str,
    value: String,
}

impl FromStr for BackupKind {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let unknown = || UnknownWord { what: "kind of backup", value: text.chars().take(80).collect() };
        [Self::Base, Self::Increment].into_iter().find(|kind| kind.label() == text).ok_or_else(unknown)
    }
}

/// Where a run, and then its manifest, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupState {
    Running,
    Failed,
    /// Its manifest is kept, and so is every object that the manifest names.
    Kept,
    /// Its manifest is kept no more; what only it named is being removed from the offsite store.
    Leaving,
    /// Nothing of it is in the offsite store.
    Gone,
    /// Its manifest is not what was written, or is missing: the next run begins with a base.
    Broken,
}

impl BackupState {
    pub const ALL: [Self; 6] = [Self::Running, Self::Failed, Self::Kept, Self::Leaving, Self::Gone, Self::Broken];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Kept => "kept",
            Self::Leaving => "leaving",
            Self::Gone => "gone",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for BackupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for BackupState {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let unknown = || UnknownWord { what: "state of a backup", value: text.chars().take(80).collect() };
        Self::ALL.into_iter().find(|state| state.label() == text).ok_or_else(unknown)
    }
}

/// An Ed25519 signature. As text: Base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signature of 64 bytes in Base64")]
pub struct SignatureError;

impl FromStr for Signature {
    type Err = SignatureError;
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(SignatureError)
    }
}

/// An Ed25519 key that tells who signed. As text: Base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a public key of 32 bytes in Base64")]
pub struct PublicKeyError;

impl FromStr for PublicKey {
    type Err = PublicKeyError;
    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(PublicKeyError)
    }
}

/// A manifest as the list beside it in the offsite store, and a row in the tenant's database, know it. Everything but the signature is
/// what the signature vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Numbers of one tenant rise.
    pub number: u64,
    /// The moment whose contents it lists.
    pub instant: Timestamp,
    pub kind: BackupKind,
    pub epoch: u64,
    /// The file's own object in the offsite placement.
    #[serde(with = "text")]
    pub object: ObjectId,
    /// Of the file as it was made: compressed, and not encrypted.
    pub length: u64,
    #[serde(with = "text")]
    pub sha256: ContentHash,
    /// The SHA-256 of the manifest before; `None` only for a tenant's first one.
    #[serde(with = "text_or_none", skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<ContentHash>,
    /// Contents that ended since then had not come to the object store yet: the next increment asks for them again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub staged_from: Option<Timestamp>,
    pub documents: u64,
    pub bytes: u64,
    #[serde(with = "text")]
    pub signature: Signature,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct BackupFigures {
    /// Contents that the manifest lists.
    pub documents: u64,
    pub bytes: u64,
    /// Documents whose content only SQL held: they are in no manifest, and in the SQL backup.
    pub only_in_sql: u64,
    /// Contents whose object is not what it should be in the tenant's own store: they are in no manifest.
    pub left_out: u64,
    pub objects_copied: u64,
    pub bytes_copied: u64,
}

/// One run, and what became of its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRun {
    pub number: u64,
    pub state: BackupState,
    /// By the database's clock.
    pub instant: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub figures: BackupFigures,
    /// Why it failed, or what was wrong with its manifest.
    pub reason: Option<String>,
    /// Once it is written.
    pub manifest: Option<Manifest>,
}

/// A content that an object of the offsite store holds: a line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub collection: String,
    /// As its row spelled it.
    pub document: String,
    #[serde(with = "text")]
    pub stamp: Stamp,
    /// The tenant's own placement that holds the object.
    #[serde(with = "text")]
    pub placement: PlacementName,
    /// The same id in both placements.
    #[serde(with = "text")]
    pub object: ObjectId,
    pub length: u64,
    #[serde(with = "text")]
    pub sha256: ContentHash,
    /// CRC32C of each piece, big-endian, in Base64.
    #[serde(with = "pieces")]
    pub pieces: PieceSums,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_name: Option<String>,
    /// `None`: it was written straight to SQL, and nobody saw when.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_from: Option<Timestamp>,
    /// `None`: the document held it at the manifest's instant. Otherwise it had ended by then, and is a version.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_to: Option<Timestamp>,
}

/// An object of the offsite store that is not what a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCopy {
    pub held: Held,
    pub what: String,
    pub found_at: Timestamp,
}

/// Where an increment begins: nothing before it can still be on its way into the database.
pub const OVERLAP: Duration = Duration::from_secs(3600);

/// Spells what has a text of its own as that text.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The same for what may be missing.
mod text_or_none {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
    }
}

mod pieces {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::model::content::PieceSums;

    pub(super) fn serialize<S: Serializer>(pieces: &PieceSums, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(pieces.to_bytes()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PieceSums, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)?;
        PieceSums::from_bytes(&bytes).ok_or_else(|| de::Error::custom("checksums are cut short"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_their_text() {
        for state in BackupState::ALL {
            assert_eq!(state.label().parse(), Ok(state));
        }
        for kind in [BackupKind::Base, BackupKind::Increment] {
            assert_eq!(kind.label().parse(), Ok(kind));
        }
        let signature = Signature([7; 64]);
        assert_eq!(signature.to_string().parse(), Ok(signature));
        assert!("AAAA".parse::<Signature>().is_err() && "kept!".parse::<BackupState>().is_err());
    }
}
