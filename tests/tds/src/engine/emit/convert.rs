//! Conversions: between the two sides of a comparison, into a column, and between collations.

use super::{Collation, Typed};
use crate::engine::catalog::{COLLATION, Column, collation};
use crate::engine::error::{Result, error};
use crate::engine::kind::{Class, Kind};

/// An explicit conversion, or one that has the same effect; a text that is too long is cut.
pub fn convert(value: Typed, to: Kind) -> Typed {
    if same_value(value.kind, to) {
        return Typed { kind: if to == Kind::Null { value.kind } else { to }, ..value };
    }
    let sql = cast_sql(&value, to, "0", false);
    Typed { sql, kind: to, ..value }
}

pub fn cast_sql(value: &Typed, to: Kind, style: &str, lenient: bool) -> String {
    format!("tds_cast({}, '{}', '{to}', {style}, {})", value.sql, value.kind, u8::from(lenient))
}

/// Whether a value of one type is one of the other as it is.
fn same_value(from: Kind, to: Kind) -> bool {
    if from == to || from == Kind::Null || to == Kind::Null {
        return true;
    }
    let longer = || to.length().is_none_or(|to| from.length().is_some_and(|from| from <= to));
    from.class() == to.class()
        && match from.class() {
            Class::Whole => to != Kind::Bit && (from == Kind::Bit || from.bytes() <= to.bytes()),
            Class::Text => longer() && !matches!(to, Kind::Char(_) | Kind::NChar(_)) && (to.is_national() || !from.is_national()),
            Class::Bytes => longer() && !matches!(to, Kind::Binary(_)),
            Class::Time => to == Kind::DateTime2(7),
            _ => true,
        }
}

/// Into a column: a text or binary stays as long as it is, because one that is too long is an error, which the writer raises.
pub fn assign(value: Typed, column: &Column) -> Result<Typed> {
    let (from, to) = (value.kind, column.kind);
    if !is_implicit(from, to) {
        let message =
            format!("Implicit conversion from data type {from} to {to} is not allowed. Use the CONVERT function to run this query.");
        return Err(error(257, message));
    }
    let whole = match to {
        Kind::Char(_) | Kind::VarChar(_) => Kind::VarChar(None),
        Kind::NChar(_) | Kind::NVarChar(_) => Kind::NVarChar(None),
        Kind::Binary(_) | Kind::VarBinary(_) | Kind::Image => Kind::VarBinary(None),
        other => other,
    };
    Ok(convert(value, whole))
}

/// What SQL Server converts without being told to.
pub fn is_implicit(from: Kind, to: Kind) -> bool {
    match (from.class(), to.class()) {
        (Class::Null, _) | (_, Class::Null) => true,
        (Class::Text, Class::Bytes | Class::RowVersion) | (Class::Whole | Class::Float, Class::RowVersion) => false,
        (Class::Whole | Class::Float | Class::Bytes, Class::Time) | (Class::Time, Class::Whole | Class::Float | Class::Bytes) => false,
        (Class::Whole | Class::Float | Class::Time, Class::Guid) | (Class::Guid, Class::Whole | Class::Float | Class::Time) => false,
        (Class::Float, Class::Bytes) | (Class::Bytes | Class::RowVersion, Class::Float) => false,
        (Class::Bytes, Class::Text) => true,
        _ => true,
    }
}

/// Two values as they can be compared, and the collation to do it with, where it is one of texts.
pub fn unify(left: Typed, right: Typed) -> Result<(Typed, Typed, &'static str)> {
    let (a, b) = (left.kind.class(), right.kind.class());
    let target = a.max(b);
    // `varbinary` against text: SQL Server reads the text's bytes.
    let with = if a == target { left.kind } else { right.kind };
    let to = match target {
        Class::Time if a != b => Kind::DateTime2(7),
        Class::Text if a != b => Kind::NVarChar(None),
        _ => with,
    };
    let side = |value: Typed| if value.kind.class() == target { value } else { convert(value, to) };
    let (left, right) = (side(left), side(right));
    Ok(match target {
        Class::Text => {
            let suffix = collate(&common(&left.collation, &right.collation)?);
            (left, right, suffix)
        }
        Class::Guid => (left, right, " COLLATE tds_guid"),
        Class::Bytes => (whole(left), whole(right), ""),
        _ => (left, right, ""),
    })
}

/// The bytes of a value that may lie outside of its row.
fn whole(value: Typed) -> Typed {
    if value.kind.is_large() { Typed { sql: format!("tds_bytes({})", value.sql), ..value } } else { value }
}

/// The collation of an expression over two texts.
pub fn common(a: &Collation, b: &Collation) -> Result<Collation> {
    match (a, b) {
        (Collation::Explicit(one), Collation::Explicit(other)) | (Collation::Column(one), Collation::Column(other))
            if !one.eq_ignore_ascii_case(other) =>
        {
            Err(error(468, format!("Cannot resolve the collation conflict between \"{other}\" and \"{one}\" in the operation.")))
        }
        (explicit @ Collation::Explicit(_), _) | (_, explicit @ Collation::Explicit(_)) => Ok(explicit.clone()),
        (column @ Collation::Column(_), _) | (_, column @ Collation::Column(_)) => Ok(column.clone()),
        _ => Ok(Collation::Free),
    }
}

pub fn collate(collation: &Collation) -> &'static str {
    if sqlite_collation(collation) == "RTRIM" { " COLLATE RTRIM" } else { " COLLATE tds_ci" }
}

pub fn sqlite_collation(of: &Collation) -> &'static str {
    match of {
        Collation::Free => collation(COLLATION),
        Collation::Column(name) | Collation::Explicit(name) => collation(name),
    }
}

/// What an expression needs behind it to be sorted and grouped as its type wants it.
pub fn sorted(value: &Typed) -> String {
    match value.kind.class() {
        Class::Text => format!("{}{}", value.sql, collate(&value.collation)),
        Class::Guid => format!("{} COLLATE tds_guid", value.sql),
        _ => value.sql.clone(),
    }
}
