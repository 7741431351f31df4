//! Scripts on paper: batches for somebody else to read and run, with `GO` between them and the reason for each in front. It runs nothing.

use super::STORE;
use super::schema::PATIENCE;
use super::table::{Table, schema_of};
use super::text::quoted;
use crate::config::{ColumnValue, SqlServerConfig};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::settings::TenantSettings;

/// How wide comments are.
const WIDTH: usize = 118;

/// A script that grows.
pub(super) struct Paper(String);

impl Paper {
    /// `title`: one line.
    pub(super) fn new(title: &str) -> Self {
        let mut paper = Self(String::new());
        paper.say(title);
        paper
    }

    /// A comment, wrapped. An empty line parts paragraphs.
    pub(super) fn say(&mut self, text: &str) {
        for paragraph in text.split("\n") {
            self.wrapped(paragraph);
        }
    }

    fn wrapped(&mut self, paragraph: &str) {
        let indent: String = paragraph.chars().take_while(|c| *c == ' ').collect();
        let mut line = format!("--{indent}");
        for word in paragraph.split_whitespace() {
            let empty = line.len() == 2 + indent.len();
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = format!("--{indent}");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    /// Sets a part of the script off from what is before it.
    pub(super) fn heading(&mut self, text: &str) {
        self.line("");
        self.line(&format!("-- ---- {text} {}", "-".repeat(WIDTH.saturating_sub(text.chars().count() + 9))));
    }

    pub(super) fn batch(&mut self, text: &str) {
        self.line(text.trim_end());
        self.line("GO");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Which database it is for, and what the session needs.
    pub(super) fn begin_session(&mut self, server: &SqlServerConfig) {
        self.line("");
        self.batch(&format!(
            "USE {};\nSET NOCOUNT, XACT_ABORT, ANSI_NULLS, QUOTED_IDENTIFIER, ANSI_PADDING, ANSI_WARNINGS, CONCAT_NULL_YIELDS_NULL ON;\n{PATIENCE}",
            quoted(&server.database)
        ));
    }

    /// How to run it, and what to expect.
    pub(super) fn how_to_run(&mut self, server: &SqlServerConfig) {
        self.say(&format!(
            "\nRun all of it in one session, in SSMS or with\n    sqlcmd -S {},{} -d {} -b -x -i THIS_FILE\n(-b stops at the first error, -x leaves \
             $(...) in names alone). It may be run again at any time, also from the beginning after it stopped in the middle.\n\
             \nLocks: all of it waits at most 5 seconds for a lock (SET LOCK_TIMEOUT), because whoever waits for a lock on a table holds up \
             everybody behind it. Error 1222 means that somebody held one for longer, and that the script stopped there: run it again at a \
             quieter time, and look with sp_who2 or sys.dm_tran_locks for the transaction that stays open.",
            server.host, server.port, server.database
        ));
    }
}

/// A line break in a name would end a comment, or be taken for a `GO`; sluss's own statements have no such trouble.
pub(super) fn check_names(server: &SqlServerConfig, settings: &TenantSettings) -> StoreResult<()> {
    let mut names = vec![server.database.as_str(), server.user.as_str()];
    names.extend(settings.placements.iter().map(|placement| placement.description.as_str()));
    for config in &settings.collections {
        names.extend([schema_of(config), config.table.as_str()]);
        names.extend(config.columns());
        names.extend(config.tenant.iter().filter_map(|tenant| match &tenant.value {
            ColumnValue::Text(text) => Some(text.as_str()),
            ColumnValue::Integer(_) | ColumnValue::Flag(_) => None,
        }));
    }
    let breaks = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
    match names.into_iter().find(|name| name.contains(breaks)) {
        None => Ok(()),
        Some(name) => Err(StoreError::new(STORE, "print a script for", &settings.id, StoreErrorKind::Other)
            .because(format!("{name:?} has a line break or another control character, which a script cannot carry safely"))),
    }
}

/// The index over the rowversion that the script makes.
pub(super) fn revision_index(table: &Table) -> String {
    quoted(&format!("sluss/changed/{}/{}", table.tenant, table.collection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_wrapped_and_every_line_of_one_is_a_comment() {
        let mut paper = Paper::new("A title.");
        paper.say(&format!("\n    {}", "word ".repeat(60)));
        paper.batch("SELECT 1;\n");
        let text = paper.finish();
        assert!(text.lines().all(|line| line.len() <= WIDTH && (line.starts_with("--") || ["SELECT 1;", "GO"].contains(&line))), "{text}");
        assert!(text.ends_with("word\nSELECT 1;\nGO\n") && text.contains("\n--     word"), "{text}");
    }
}
