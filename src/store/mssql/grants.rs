//! What the login of a tenant has to be allowed, and no more: for the script to give, for `doctor` to ask for, for the removal to take back.
//! Our triggers need no grants for the customer's programs: they and our tables have one owner.

use super::table::{Named, Table};
use super::text::quoted;
use crate::config::{CreateRule, DeleteRule};

/// One right on one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) permission: &'static str,
    pub(super) on: On,
    pub(super) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum On {
    Sluss,
    /// A table of the customer's, quoted.
    Table(String),
    /// Some columns of one, by their names as they are.
    Columns(String, Vec<String>),
}

/// In the schema of ours.
pub(super) fn of_sluss() -> Vec<Grant> {
    let grant = |permission, reason| Grant { permission, on: On::Sluss, reason };
    vec![
        grant("SELECT, INSERT, UPDATE, DELETE", "Sluss's own tables: where each content lies, jobs, uploads, the tenant's phase."),
        grant("VIEW DEFINITION", "Lets `sluss init` and `sluss doctor` see that the triggers are there."),
    ]
}

/// On the customer's table.
pub(super) fn of_table(table: &Table) -> Vec<Grant> {
    let on = || On::Table(table.document.clone());
    let grant = |permission, reason| Grant { permission, on: on(), reason };
    let mut grants = vec![
        grant("SELECT", "Documents are read from here. Only the columns of the configuration are; counting rows asks for the whole table."),
        Grant {
            permission: "UPDATE",
            on: On::Columns(table.document.clone(), written_columns(table)),
            reason: "These columns and no other are written: by a PUT, by a write-back, and when content leaves SQL.",
        },
    ];
    match table.rules.create {
        CreateRule::Insert => grants.push(grant("INSERT", "create = \"insert\": a PUT of a new id inserts its row.")),
        CreateRule::Existing => {}
    }
    match table.rules.delete {
        DeleteRule::Row => {
            grants.push(grant("DELETE", "delete = \"row\": a DELETE takes the row. With \"content\" or \"soft\" this is not needed."));
        }
        DeleteRule::Content | DeleteRule::Soft => {}
    }
    grants.push(grant(
        "VIEW DEFINITION",
        "Lets Sluss read the columns' types, and `sluss doctor` keys, triggers and indexes. It shows no data.",
    ));
    grants
}

fn written_columns(table: &Table) -> Vec<String> {
    let optional = [&table.media_type, &table.file_name, &table.modified, &table.soft_delete];
    let written = std::iter::once(&table.content).chain(optional.into_iter().flatten());
    written.map(|Named { column, .. }| column.name.clone()).collect()
}

impl Grant {
    /// As a statement names what it is on.
    fn securable(&self) -> String {
        match &self.on {
            On::Sluss => "SCHEMA::sluss".to_owned(),
            On::Table(table) => format!("OBJECT::{table}"),
            On::Columns(table, columns) => {
                let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
                format!("OBJECT::{table} ({})", columns.join(", "))
            }
        }
    }

    /// `user`: as it is, not quoted.
    pub(super) fn give(&self, user: &str) -> String {
        format!("GRANT {} ON {} TO {};", self.permission, self.securable(), quoted(user))
    }

    pub(super) fn take_back(&self, user: &str) -> String {
        format!("REVOKE {} ON {} FROM {};", self.permission, self.securable(), quoted(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_names_its_columns_and_quotes_whatever_they_are_called() {
        let columns = vec!["the ]body".to_owned(), "Type".to_owned()];
        let grant = Grant { permission: "UPDATE", on: On::Columns("[dbo].[Docs]".to_owned(), columns), reason: "" };
        assert_eq!(grant.give("a]b"), "GRANT UPDATE ON OBJECT::[dbo].[Docs] ([the ]]body], [Type]) TO [a]]b];");
        assert_eq!(grant.take_back("u"), "REVOKE UPDATE ON OBJECT::[dbo].[Docs] ([the ]]body], [Type]) FROM [u];");
    }
}
