//! What `[backup]` says of who may read and who may remove what is kept elsewhere: `recipients`, `identity` and `object_lock`.

use std::fmt;

use toml::de::DeValue;

use super::recipient::Recipient;
use super::secret::{self, SecretSource};
use super::section::Section;
use super::value::{self, Parsed};
use super::{ObjectStoreConfig, PlacementConfig};

/// Each makes every object 100 bytes longer.
const MOST_RECIPIENTS: usize = 16;

/// A century is a slip.
const MOST_DAYS: u32 = 36_500;

/// How objects of a backup are sealed and locked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackupSealing {
    /// `None`: they lie there as they are.
    pub sealing: Option<SealingConfig>,
    pub object_lock: Option<ObjectLock>,
}

/// Whom objects are sealed for, and what opens them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingConfig {
    /// Any of them can read. Never empty.
    pub recipients: Vec<Recipient>,
    /// Private keys of one or several recipients, as `age-keygen` writes them. `None`: this process can write and never read.
    pub identity: Option<SecretSource>,
}

/// How long the store refuses to remove an object that was just put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLock {
    pub mode: LockMode,
    pub days: u32,
}

/// Whom the store lets remove a locked object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Nobody, the owner of the account included.
    Compliance,
    /// Who has the right to bypass the lock, and says so.
    Governance,
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compliance => "compliance",
            Self::Governance => "governance",
        })
    }
}

/// Of the section whose objects lie in `placement`; `None` where that was refused.
pub(super) fn read(section: &mut Section<'_>, placement: Option<&PlacementConfig>) -> BackupSealing {
    let sealing = read_sealing(section);
    let in_a_folder = placement.is_some_and(|placement| match placement.store {
        ObjectStoreConfig::Disk { .. } => true,
        ObjectStoreConfig::S3(_) => false,
    });
    if in_a_folder {
        section
            .refuse_foreign(&["object_lock"], "is for a bucket, and these objects lie in a folder: nothing there could refuse a removal");
        return BackupSealing { sealing, object_lock: None };
    }
    BackupSealing { sealing, object_lock: section.section_or_none("object_lock", read_lock).flatten() }
}

fn read_sealing(section: &mut Section<'_>) -> Option<SealingConfig> {
    let file = section.file();
    let recipients = section.optional("recipients", recipients);
    let identity = section.optional("identity", |value| secret::source(file, value));
    if recipients.is_none() && identity.is_some() && !section.is_refused("recipients") {
        section.refuse("identity", "opens what is sealed, and nothing is: name the public keys as recipients, or leave it out");
    }
    Some(SealingConfig { recipients: recipients?, identity })
}

fn recipients(value: &DeValue<'_>) -> Parsed<Vec<Recipient>> {
    let hint = "needs public keys, such as [\"age1...\"]";
    let listed = value.as_array().ok_or_else(|| format!("{hint}, found {}", value.type_str()))?;
    let mut recipients: Vec<Recipient> = Vec::new();
    for (at, one) in listed.iter().enumerate() {
        let recipient = value::parsed::<Recipient>(one.get_ref()).map_err(|reason| format!("number {} {reason}", at + 1))?;
        if recipients.contains(&recipient) {
            return Err(format!("number {} stands there twice", at + 1));
        }
        recipients.push(recipient);
    }
    match recipients.len() {
        0 => Err(format!("{hint}: leave it out where nothing is to be sealed")),
        1..=MOST_RECIPIENTS => Ok(recipients),
        _ => Err(format!("has more than {MOST_RECIPIENTS} keys")),
    }
}

fn read_lock(section: &mut Section<'_>) -> Option<ObjectLock> {
    let mode = section.required("mode", "say \"compliance\" or \"governance\"", lock_mode);
    let days = section.required("days", "say for how many days an object is locked", |value| {
        value::within(value::integer(value)?, &(1..=MOST_DAYS), u32::to_string)
    });
    Some(ObjectLock { mode: mode?, days: days? })
}

fn lock_mode(value: &DeValue<'_>) -> Parsed<LockMode> {
    match value::text(value)? {
        "compliance" => Ok(LockMode::Compliance),
        "governance" => Ok(LockMode::Governance),
        other => Err(format!("{} is not known: say \"compliance\" or \"governance\"", value::shown(other))),
    }
}
