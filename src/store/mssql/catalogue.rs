//! What the database's own catalogue says of one of the customer's tables. Statements are written for the types that are really there: an id
//! compared as another type turns a seek into a scan, and a time is spelled as its column takes it.

use super::batch::{Misread, Row};

/// What a column holds, as far as it makes a difference to our statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Flag,
    Integer,
    /// `wide`: n(var)char. The others keep only the characters of their collation's code page.
    Text {
        wide: bool,
    },
    Guid,
    Time,
    Binary,
    /// Deprecated since 2005, and still there.
    Image,
    RowVersion,
    Other,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// As a declaration spells it, such as `varchar(50)`.
    pub(super) declared: String,
    pub(super) family: Family,
    /// In bytes, as `sys.columns` has it; -1: max.
    pub(super) max_length: i64,
    pub(super) nullable: bool,
    pub(super) identity: bool,
    pub(super) filestream: bool,
    /// Its texts are of another code page than the database's, in which variables are.
    pub(super) foreign_code_page: bool,
    pub(super) collation: Option<String>,
}

impl Column {
    /// In the order of `statements/columns.sql`.
    pub(super) fn read(mut row: Row) -> Result<Self, Misread> {
        let (name, type_name) = (row.text()?, row.text()?);
        let (max_length, precision, scale) = (row.integer()?, row.integer()?, row.integer()?);
        Ok(Self {
            name,
            declared: declared(&type_name, max_length, precision, scale),
            family: family(&type_name, scale),
            max_length,
            nullable: row.flag()?,
            identity: row.flag()?,
            filestream: row.flag()?,
            foreign_code_page: row.flag()?,
            collation: row.text_or_null()?,
        })
    }

    /// How many characters a text may have; `None`: no text, or max.
    pub(super) fn max_chars(&self) -> Option<i64> {
        let Family::Text { wide } = self.family else { return None };
        (self.max_length >= 0).then_some(self.max_length / if wide { 2 } else { 1 })
    }

    /// False for a text that is too long by its number of characters, however few bytes each of them takes.
    pub(super) fn has_room_for(&self, text: &str) -> bool {
        let is_wide = self.family == Family::Text { wide: true };
        let chars = if is_wide { text.encode_utf16().count() } else { text.chars().count() };
        self.max_chars().is_none_or(|most| i64::try_from(chars).is_ok_and(|chars| chars <= most))
    }

    /// The declaration of a column of ours that is compared with this one.
    pub(super) fn with_collation(&self) -> String {
        match &self.collation {
            Some(collation) => format!("{} COLLATE {collation}", self.declared),
            None => self.declared.clone(),
        }
    }
}

fn family(type_name: &str, scale: i64) -> Family {
    match type_name {
        "bit" => Family::Flag,
        "tinyint" | "smallint" | "int" | "bigint" => Family::Integer,
        "decimal" | "numeric" if scale == 0 => Family::Integer,
        "char" | "varchar" => Family::Text { wide: false },
        "nchar" | "nvarchar" => Family::Text { wide: true },
        "uniqueidentifier" => Family::Guid,
        "date" | "datetime" | "smalldatetime" | "datetime2" | "datetimeoffset" => Family::Time,
        "binary" | "varbinary" => Family::Binary,
        "image" => Family::Image,
        "timestamp" | "rowversion" => Family::RowVersion,
        _ => Family::Other,
    }
}

fn declared(type_name: &str, max_length: i64, precision: i64, scale: i64) -> String {
    let sized = |unit: i64| if max_length < 0 { format!("{type_name}(max)") } else { format!("{type_name}({})", max_length / unit) };
    match type_name {
        "char" | "varchar" | "binary" | "varbinary" => sized(1),
        "nchar" | "nvarchar" => sized(2),
        "decimal" | "numeric" => format!("{type_name}({precision}, {scale})"),
        "datetime2" | "datetimeoffset" => format!("{type_name}({scale})"),
        _ => type_name.to_owned(),
    }
}

/// One column of a unique index, in the order of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyColumn {
    pub(super) index: i64,
    pub(super) column: String,
}

/// The columns of the unique index over exactly these columns, in its own order; a foreign key names them like that.
pub(super) fn unique_key(keys: &[KeyColumn], wanted: &[&str]) -> Option<Vec<String>> {
    let mut indexes: Vec<i64> = keys.iter().map(|key| key.index).collect();
    indexes.dedup();
    let columns_of = |index: i64| keys.iter().filter(|key| key.index == index).map(|key| key.column.clone()).collect::<Vec<_>>();
    indexes
        .into_iter()
        .map(columns_of)
        .find(|columns| columns.len() == wanted.len() && wanted.iter().all(|wanted| columns.iter().any(|column| same_name(column, wanted))))
}

/// As the configuration compares names, and most databases do.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
