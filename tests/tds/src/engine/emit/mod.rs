//! From T-SQL to SQLite: every expression with its type, so that conversions, collations and errors are SQL Server's own.

mod builtin;
mod convert;
mod expr;
mod function;
mod query;
mod source;

use std::collections::HashMap;
use std::sync::Arc;

pub use convert::{assign, convert, is_implicit};

use super::ast::Cte;
use super::catalog::{Catalog, Column, Table, quoted, same};
use super::error::{Result, error};
use super::kind::Kind;

/// The SQLite name under which a query gives the number of the row it came from.
pub const ROW: &str = "tds row";

/// What a statement can refer to beside the tables of the database.
pub struct Env<'a> {
    pub catalog: Catalog<'a>,
    pub variables: HashMap<String, Kind>,
    /// Table variables.
    pub tables: &'a HashMap<String, Table>,
    /// `inserted` and `deleted` by name, with the rows as a query: in a trigger, or in an OUTPUT clause.
    pub pseudo: Vec<(&'static str, Table, String)>,
    /// In a trigger, the columns that its statement set; `None`: all.
    pub updated: Option<Vec<String>>,
}

/// Where a text's collation comes from; the later one wins.
#[derive(Debug, Clone, PartialEq)]
pub enum Collation {
    Free,
    Column(Arc<str>),
    Explicit(Arc<str>),
}

#[derive(Debug, Clone)]
pub struct Typed {
    pub sql: String,
    pub kind: Kind,
    pub collation: Collation,
    /// A condition is no value, and a value is no condition.
    pub condition: bool,
}

impl Typed {
    fn value(sql: impl Into<String>, kind: Kind) -> Self {
        Self { sql: sql.into(), kind, collation: Collation::Free, condition: false }
    }

    /// A column of a query around the one that gives it.
    pub fn column(name: &str, kind: Kind) -> Self {
        Self::value(name, kind)
    }

    fn condition(sql: impl Into<String>) -> Self {
        Self { condition: true, ..Self::value(sql, Kind::Bit) }
    }
}

/// A column of a result or of a source.
#[derive(Debug, Clone)]
pub struct OutColumn {
    pub name: Option<String>,
    pub kind: Kind,
    pub collation: Collation,
}

#[derive(Debug)]
pub struct Emitted {
    pub sql: String,
    pub columns: Vec<OutColumn>,
    /// The table whose row numbers the query gives, where they were asked for.
    pub base: Option<Table>,
    /// The variables that the columns are assigned to.
    pub assigned: Vec<String>,
}

#[derive(Debug, Clone)]
struct From {
    /// How expressions call it, and how the SQL does.
    alias: String,
    sql_alias: String,
    /// The schema, where it has no alias.
    schema: Option<String>,
    columns: Vec<OutColumn>,
    /// Its row number, and the table that it is of.
    row: Option<(String, Table)>,
}

#[derive(Default)]
struct Scope {
    sources: Vec<From>,
}

pub struct Emitter<'a> {
    env: &'a Env<'a>,
    scopes: Vec<Scope>,
    ctes: Vec<Cte>,
}

impl<'a> Emitter<'a> {
    pub fn new(env: &'a Env<'a>) -> Self {
        Self { env, scopes: Vec::new(), ctes: Vec::new() }
    }

    /// For expressions over the columns of one table, by their bare names: checks, filters, a row that was just written.
    pub fn over(env: &'a Env<'a>, table: &Table, alias: &str) -> Self {
        let mut emitter = Self::new(env);
        let from = From {
            alias: alias.to_owned(),
            sql_alias: alias.to_owned(),
            schema: None,
            columns: columns_of(table),
            row: Some((format!("{}._rowid_", quoted(alias)), table.clone())),
        };
        emitter.scopes.push(Scope { sources: vec![from] });
        emitter
    }

    /// The column that a name stands for, in the innermost query that knows it.
    fn resolve(&self, parts: &[String]) -> Result<Typed> {
        let (qualifier, name) = match parts {
            [name] => (&[][..], name),
            [qualifier @ .., name] => (qualifier, name),
            [] => return Err(error(207, "Invalid column name ''.")),
        };
        for scope in self.scopes.iter().rev() {
            let found: Vec<(&From, &OutColumn)> = scope
                .sources
                .iter()
                .filter(|from| qualifier.is_empty() || from.is_called(qualifier))
                .flat_map(|from| from.columns.iter().map(move |column| (from, column)))
                .filter(|(_, column)| column.name.as_deref().is_some_and(|known| same(known, name)))
                .collect();
            match found[..] {
                [] => {}
                [(from, column)] => {
                    let known = column.name.as_deref().unwrap_or(name);
                    let sql =
                        if from.sql_alias.is_empty() { quoted(known) } else { format!("{}.{}", quoted(&from.sql_alias), quoted(known)) };
                    return Ok(Typed { collation: column.collation.clone(), ..Typed::value(sql, column.kind) });
                }
                _ => return Err(error(209, format!("Ambiguous column name '{name}'."))),
            }
        }
        let known = |scope: &Scope| scope.sources.iter().any(|from| from.is_called(qualifier));
        if qualifier.is_empty() || self.scopes.iter().any(known) {
            return Err(error(207, format!("Invalid column name '{name}'.")));
        }
        Err(error(4104, format!("The multi-part identifier \"{}\" could not be bound.", parts.join("."))))
    }
}

impl From {
    fn is_called(&self, qualifier: &[String]) -> bool {
        match qualifier {
            [alias] => same(alias, &self.alias),
            [.., schema, name] => same(name, &self.alias) && self.schema.as_ref().is_some_and(|known| same(known, schema)),
            [] => false,
        }
    }
}

fn columns_of(table: &Table) -> Vec<OutColumn> {
    table.columns.iter().map(out_column).collect()
}

fn out_column(column: &Column) -> OutColumn {
    let collation = column.collation.clone().map_or(Collation::Free, Collation::Column);
    OutColumn { name: Some(column.name.clone()), kind: column.kind, collation }
}

/// A text as SQLite spells it.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
