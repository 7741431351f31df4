//! One table of a configuration file, read key by key. A refused value is noted and something stands in for it, so that
//! reading goes on and every problem is found; keys that nobody asked for are refused when the table is done.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Report};
use super::value::{self, Parsed};

/// A file's name, and where its lines begin.
pub(super) struct Source {
    file: PathBuf,
    line_starts: Vec<usize>,
}

impl Source {
    pub(super) fn new(file: &Path, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { file: file.to_owned(), line_starts: std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect() }
    }

    /// The line, counted from 1, of a byte.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }
}

pub(super) struct Section<'a> {
    source: &'a Source,
    /// `None` for a table that the file leaves out: every key has its default.
    table: Option<&'a DeTable<'a>>,
    path: String,
    line: Option<usize>,
    asked: Vec<&'static str>,
    /// Keys that should be there, with what to tell unless one of the unknown keys was meant to be theirs.
    missing: Vec<(&'static str, Vec<Problem>)>,
    report: &'a mut Report,
}

impl<'a> Section<'a> {
    /// Reads a whole file.
    pub(super) fn root<T>(source: &Source, table: &DeTable<'_>, report: &mut Report, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let (asked, missing) = (Vec::new(), Vec::new());
        Section { source, table: Some(table), path: String::new(), line: None, asked, missing, report }.read(read)
    }

    fn read<T>(mut self, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let result = read(&mut self);
        self.refuse_unknown_keys();
        self.missing.into_iter().flat_map(|(_, problems)| problems).for_each(|problem| self.report.refuse(problem));
        result
    }

    /// One misspelled key is one problem: the key that it was meant to be is not missed besides.
    fn refuse_unknown_keys(&mut self) {
        for (name, _) in self.table.into_iter().flatten() {
            let name = name.get_ref();
            if self.asked.iter().any(|known| known == name) {
                continue;
            }
            let nearest = value::nearest(name, self.asked.iter().copied());
            self.missing.retain(|(key, _)| nearest != Some(*key));
            let reason = match nearest {
                Some(known) => format!("unknown key, did you mean {known:?}?"),
                None => format!("unknown key, known here: {}", self.asked.join(", ")),
            };
            self.refuse(name, reason);
        }
    }

    fn child<'b>(&'b mut self, table: Option<&'b DeTable<'b>>, path: String, line: Option<usize>) -> Section<'b> {
        Section { source: self.source, table, path, line, asked: Vec::new(), missing: Vec::new(), report: self.report }
    }

    pub(super) fn file(&self) -> &'a Path {
        &self.source.file
    }

    fn path_of(&self, key: &str) -> String {
        let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let key = if bare && key.len() <= 60 { key.to_owned() } else { value::shown(key) };
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }

    fn entry(&self, key: &str) -> Option<(usize, &'a Spanned<DeValue<'a>>)> {
        let (name, value) = self.table?.get_key_value(key)?;
        Some((self.source.line(name.span().start), value))
    }

    fn problem(&self, line: Option<usize>, key: String, reason: impl Into<String>) -> Problem {
        Problem { file: self.source.file.clone(), line, key, reason: reason.into() }
    }

    fn refuse_at(&mut self, line: Option<usize>, key: String, reason: impl Into<String>) {
        self.report.refuse(self.problem(line, key, reason));
    }

    /// Notes that a key should be there. `hint` says what to write.
    pub(super) fn miss(&mut self, key: &'static str, hint: &str) {
        let problem = self.problem(self.line_of(key), self.path_of(key), format!("is missing: {hint}"));
        self.missing.push((key, vec![problem]));
    }

    /// A key that is not there is missed at the head of its table.
    fn line_of(&self, key: &str) -> Option<usize> {
        self.entry(key).map(|(line, _)| line).or(self.line)
    }

    /// Notes a problem with a key.
    pub(super) fn refuse(&mut self, key: &str, reason: impl Into<String>) {
        self.refuse_at(self.line_of(key), self.path_of(key), reason);
    }

    pub(super) fn is_refused(&self, key: &str) -> bool {
        self.report.is_refused(self.file(), &self.path_of(key))
    }

    fn take(&mut self, key: &'static str) -> Option<(usize, &'a DeValue<'a>)> {
        let entry = self.entry(key).map(|(line, value)| (line, value.get_ref()));
        self.asked.push(key);
        self.report.note_asked(self.file(), self.path_of(key), entry.map(|(line, _)| line));
        entry
    }

    /// Whether the file has the key, without asking for it.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Refuses keys that mean something elsewhere, and says where.
    pub(super) fn refuse_foreign(&mut self, keys: &[&'static str], reason: &str) {
        for key in keys {
            if self.holds(key) {
                self.asked.push(key);
                self.refuse(key, reason);
            }
        }
    }

    /// `None` when the key is not there, or was refused.
    pub(super) fn optional<T>(&mut self, key: &'static str, parse: impl FnOnce(&DeValue<'_>) -> Parsed<T>) -> Option<T> {
        let (_, value) = self.take(key)?;
        parse(value).map_err(|reason| self.refuse(key, reason)).ok()
    }

    /// `None` when the key was refused, be it for not being there. `hint` says what to write.
    pub(super) fn required<T>(&mut self, key: &'static str, hint: &str, parse: impl FnOnce(&DeValue<'_>) -> Parsed<T>) -> Option<T> {
        if self.entry(key).is_none() {
            self.miss(key, hint);
        }
        self.optional(key, parse)
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.optional(key, value::flag).unwrap_or(default)
    }

    pub(super) fn duration(&mut self, key: &'static str, default: Duration, range: RangeInclusive<Duration>) -> Duration {
        self.duration_or_none(key, range).unwrap_or(default)
    }

    pub(super) fn duration_or_none(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.optional(key, |value| value::within(value::duration(value)?, &range, value::duration_text))
    }

    pub(super) fn bytes_or_none(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.optional(key, |value| value::within(value::byte_size(value)?, &range, value::byte_size_text))
    }

    pub(super) fn bytes(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        self.bytes_or_none(key, range).unwrap_or(default)
    }

    pub(super) fn count<T: TryFrom<i64> + PartialOrd + Display>(&mut self, key: &'static str, default: T, range: RangeInclusive<T>) -> T {
        self.count_or_none(key, range).unwrap_or(default)
    }

    pub(super) fn count_or_none<T: TryFrom<i64> + PartialOrd + Display>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        self.optional(key, |value| value::within(value::integer(value)?, &range, T::to_string))
    }

    /// Refuses a `low` above its `high`, unless one of them was refused already.
    pub(super) fn ordered(&mut self, low: (&str, Duration), high: (&str, Duration)) {
        if low.1 > high.1 && !self.is_refused(low.0) && !self.is_refused(high.0) {
            let [low_text, high_text] = [low.1, high.1].map(|duration| value::duration_text(&duration));
            self.refuse(low.0, format!("{low_text} is above {} = {high_text}", high.0));
        }
    }

    /// A table within this one. Left out, it is read as an empty one.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let path = self.path_of(key);
        let Some((line, value)) = self.take(key) else {
            let (mut problems, line) = (Report::default(), self.line);
            let result = Section { report: &mut problems, ..self.child(None, path, line) }.read(read);
            self.missing.push((key, problems.into_problems()));
            return result;
        };
        match value.as_table() {
            Some(table) => self.child(Some(table), path, Some(line)).read(read),
            None => {
                self.refuse(key, format!("needs a table, found {}", value.type_str()));
                // What is missing in a table that is none would only repeat that.
                Section { report: &mut Report::default(), ..self.child(None, path, None) }.read(read)
            }
        }
    }

    /// A table within this one, which means something by being there at all.
    pub(super) fn section_or_none<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> Option<T> {
        if self.holds(key) {
            return Some(self.section(key, read));
        }
        // Asked for all the same, so that a misspelled one is told the name.
        self.take(key);
        None
    }

    /// The tables of a `[[key]]`, in their order.
    pub(super) fn each_of_list<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'_>) -> T) -> Vec<T> {
        let Some((_, value)) = self.take(key) else { return Vec::new() };
        let Some(items) = value.as_array() else {
            self.refuse(key, format!("needs tables, [[{key}]], found {}", value.type_str()));
            return Vec::new();
        };
        let mut results = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let (path, line) = (format!("{}[{index}]", self.path_of(key)), Some(self.source.line(item.span().start)));
            self.report.note_asked(self.file(), path.clone(), line);
            match item.get_ref().as_table() {
                Some(table) => results.push(self.child(Some(table), path, line).read(&mut read)),
                None => self.refuse_at(line, path, format!("needs a table, found {}", item.get_ref().type_str())),
            }
        }
        results
    }

    /// The one table of a `[key]`, or the tables of a `[[key]]` in their order. Left out, it is read as one that is empty.
    pub(super) fn one_or_each<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'_>) -> T) -> Vec<T> {
        match self.entry(key).is_some_and(|(_, value)| value.get_ref().is_array()) {
            true => self.each_of_list(key, read),
            false => vec![self.section(key, |section| read(section))],
        }
    }

    /// The tables of a `[key.name]`, whose names are the operator's to choose.
    pub(super) fn each_named<T>(&mut self, key: &'static str, mut read: impl FnMut(&str, &mut Section<'_>) -> T) -> Vec<T> {
        let path = self.path_of(key);
        let Some((line, value)) = self.take(key) else { return Vec::new() };
        let Some(table) = value.as_table() else {
            self.refuse(key, format!("needs tables, [{key}.<name>], found {}", value.type_str()));
            return Vec::new();
        };
        let mut tables = self.child(Some(table), path, Some(line));
        let mut results = Vec::new();
        for (name, value) in table {
            let name = name.get_ref();
            match value.get_ref().as_table() {
                Some(table) => {
                    let (path, line) = (tables.path_of(name), tables.line_of(name));
                    results.push(tables.child(Some(table), path, line).read(|section| read(name, section)));
                }
                None => tables.refuse(name, format!("needs a table, found {}", value.get_ref().type_str())),
            }
        }
        results
    }

    /// Notes a problem with this table as a whole.
    pub(super) fn refuse_whole(&mut self, reason: impl Into<String>) {
        self.refuse_at(self.line, self.path.clone(), reason);
    }
}
