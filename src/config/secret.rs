//! Where a secret stands. The configuration holds its place; what is read from there is never shown, in no error and no `Debug`.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::value::{self, Parsed};

/// A text that nobody sees by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For the one place that hands it to whom it is meant for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that holds nothing else, read again whenever the secret is needed: so it can change while the process runs.
    File(PathBuf),
    /// An environment variable, which never changes while the process runs, and what it held.
    Environment { variable: String, value: Secret },
}

/// What was written is never repeated: somebody may have put the secret itself here.
pub(super) fn source(file: &Path, value: &DeValue<'_>) -> Parsed<SecretSource> {
    let hint = "never stands in the configuration: write { file = \"...\" } or { env = \"...\" }";
    let table = value.as_table().ok_or(hint)?;
    let mut entries = table.iter();
    let (Some((key, named)), None) = (entries.next(), entries.next()) else { return Err(hint.to_owned()) };
    match key.get_ref().as_ref() {
        "file" => Ok(SecretSource::File(value::path_beside(file, value::text(named.get_ref())?)?)),
        "env" => environment(value::text(named.get_ref())?),
        _ => Err(hint.to_owned()),
    }
}

fn environment(variable: &str) -> Parsed<SecretSource> {
    if variable.is_empty() || variable.contains(['=', '\0']) {
        return Err("needs the name of an environment variable".to_owned());
    }
    #[expect(clippy::disallowed_methods, reason = "the configuration is what reads the environment")]
    let held = std::env::var(variable);
    match held {
        Ok(text) if !text.is_empty() => Ok(SecretSource::Environment { variable: variable.to_owned(), value: Secret::new(text) }),
        Ok(_) => Err(format!("environment variable {} is empty", value::shown(variable))),
        Err(_) => Err(format!("there is no environment variable {} in UTF-8", value::shown(variable))),
    }
}
