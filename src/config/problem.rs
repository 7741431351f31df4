//! What is wrong with the configuration: every problem with its place, told at once and never with a secret in it.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing to put right. It reads `file:line: key: reason`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    pub line: Option<usize>,
    /// The dotted path; empty where the file as a whole is meant.
    pub key: String,
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Everything that keeps a configuration from being used: at least one problem, by file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblems(Vec<Problem>);

impl ConfigProblems {
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}

impl std::error::Error for ConfigProblems {}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| writeln!(f, "{problem}"))?;
        write!(f, "{} problem{} in the configuration", self.0.len(), if self.0.len() == 1 { "" } else { "s" })
    }
}

/// Gathers problems while files are read.
#[derive(Debug, Default)]
pub(super) struct Report {
    problems: Vec<Problem>,
    /// Each key that was asked for, by file, with its line where the file has it.
    asked: HashMap<PathBuf, HashMap<String, Option<usize>>>,
}

impl Report {
    pub(super) fn refuse(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// True when the key, or something within it, was refused.
    pub(super) fn is_refused(&self, file: &Path, key: &str) -> bool {
        let within = |refused: &str| refused.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.problems.iter().any(|problem| problem.file == file && within(&problem.key))
    }

    pub(super) fn note_asked(&mut self, file: &Path, key: String, line: Option<usize>) {
        self.asked.entry(file.to_owned()).or_default().insert(key, line);
    }

    /// Where a key stands that was asked for earlier, or else the head of its table: rules across files tell places by it.
    pub(super) fn line_of(&self, file: &Path, key: &str) -> Option<usize> {
        let asked = self.asked.get(file)?;
        let line = |key: &str| asked.get(key).copied().flatten();
        line(key).or_else(|| line(key.rsplit_once('.')?.0))
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Keys that were asked for and that the file does not have.
    #[cfg(test)]
    pub(super) fn asked_in_vain(&self, file: &Path) -> Vec<&str> {
        let asked = self.asked.get(file).into_iter().flatten();
        asked.filter(|(_, line)| line.is_none()).map(|(key, _)| key.as_str()).collect()
    }

    /// The value, if nothing at all was refused: what stood in for a refused value never gets out.
    pub(super) fn conclude<T>(mut self, value: Option<T>) -> Result<T, ConfigProblems> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            Some(_) | None => {
                self.problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
                Err(ConfigProblems(self.problems))
            }
        }
    }
}
