//! INSERT: first all rows are read or computed, then they are written one by one.

use rusqlite::types::Value as Stored;

use super::{Engine, OrServer};
use crate::engine::ast::{Body, Expr, Insert, Query, Source};
use crate::engine::catalog::{Column, Table, quoted};
use crate::engine::emit::{Emitter, Typed, assign};
use crate::engine::error::{Result, error, refused};
use crate::engine::kind::Kind;
use crate::engine::parse;

impl Engine {
    pub(super) fn insert(&mut self, insert: &Insert) -> Result<()> {
        let table = self.target(&insert.table)?;
        let columns = inserted(insert, &table)?;
        let sql = self.source(insert, &table, &columns)?;
        self.refuse_output(insert.output.as_ref(), &table, "INSERT")?;
        let defaults = table.columns.iter().filter(|column| column.default.is_some() && !columns.iter().any(|c| c.number == column.number));
        let filled: Vec<&Column> = columns.iter().copied().chain(defaults).collect();
        let count = self.write(|s| {
            let rows = s.rows(&sql, &[])?;
            let count = rows.len();
            let mut output = s.output(insert.output.as_ref(), &table)?;
            for row in rows {
                s.insert_row(&table, &filled, row)?;
                if let Some(output) = &mut output {
                    output.row(s, Some(s.connection.last_insert_rowid()), None)?;
                }
            }
            s.fire(count, None)?;
            Ok((count, output))
        });
        let (count, output) = count?;
        let answered = self.put_out(output, insert.output.as_ref())?;
        self.count(count, answered);
        Ok(())
    }

    pub(super) fn target(&self, source: &Source) -> Result<Table> {
        match source {
            Source::Table { name, .. } => self.env().catalog.table(name),
            Source::Variable { name, .. } => match self.frame.tables.get(name) {
                Some(table) => Ok(table.clone()),
                None => Err(error(1087, format!("Must declare the table variable \"{name}\"."))),
            },
            _ => Err(refused("a change of something that is no table")),
        }
    }

    /// The rows, with every value as its column wants it, and after them the defaults of columns that are not named.
    fn source(&self, insert: &Insert, table: &Table, columns: &[&Column]) -> Result<String> {
        let env = self.env();
        let mut defaults = Vec::new();
        for column in table.columns.iter().filter(|column| column.default.is_some()) {
            if !columns.iter().any(|named| named.number == column.number) {
                defaults.push(default(&mut Emitter::new(&env), column)?);
            }
        }
        let Some(query) = &insert.rows else {
            return Ok(format!("SELECT {}", if defaults.is_empty() { "NULL".to_owned() } else { defaults.join(", ") }));
        };
        if let Query { body: Body::Values(rows), order, .. } = query
            && order.is_empty()
        {
            let rows = rows.iter().map(|row| values(&mut Emitter::new(&env), row, columns, &defaults));
            return Ok(rows.collect::<Result<Vec<_>>>()?.join(" UNION ALL "));
        }
        let emitted = Emitter::new(&env).query(query, false)?;
        same_number(emitted.columns.len(), columns.len())?;
        let names: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
        let mut list = Vec::new();
        for ((name, from), to) in names.iter().zip(&emitted.columns).zip(columns) {
            list.push(assign(Typed::column(name, from.kind), to)?.sql);
        }
        list.extend(defaults);
        Ok(format!("WITH q ({}) AS ({}) SELECT {} FROM q", names.join(", "), emitted.sql, list.join(", ")))
    }

    /// `values`: of these columns. Identities and row versions are made here.
    pub(super) fn insert_row(&mut self, table: &Table, filled: &[&Column], values: Vec<Stored>) -> Result<()> {
        let mut given: Vec<Option<Stored>> = vec![None; table.columns.len()];
        for (column, value) in filled.iter().zip(values) {
            let at = table.columns.iter().position(|known| known.number == column.number);
            given[at.unwrap_or_default()] = Some(value);
        }
        let (mut names, mut places, mut bound) = (Vec::new(), Vec::new(), Vec::new());
        for (column, value) in table.columns.iter().zip(given) {
            names.push(quoted(&column.name));
            if column.kind == Kind::RowVersion {
                places.push("tds_next_version()".to_owned());
                continue;
            }
            let value = if column.identity { self.next_identity(table)? } else { value.unwrap_or(Stored::Null) };
            bound.push(self.checked(value, column, table, "INSERT")?);
            places.push(format!("?{}", bound.len()));
        }
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.sql(), names.join(", "), places.join(", "));
        self.write_row(&sql, &bound, "INSERT", table)?;
        Ok(())
    }

    fn next_identity(&mut self, table: &Table) -> Result<Stored> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE engine_identity SET next = next + step WHERE object = ?1 RETURNING next - step")
            .or_server()?;
        let identity: i64 = statement.query_row([table.id], |row| row.get(0)).or_server()?;
        self.identity = Some(identity);
        Ok(Stored::Integer(identity))
    }
}

fn inserted<'a>(insert: &Insert, table: &'a Table) -> Result<Vec<&'a Column>> {
    if insert.rows.is_none() {
        return Ok(Vec::new());
    }
    if insert.columns.is_empty() {
        return Ok(table.columns.iter().filter(|column| !column.identity && column.kind != Kind::RowVersion).collect());
    }
    let columns = insert.columns.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?;
    for column in &columns {
        if column.identity {
            let message = "Cannot insert explicit value for identity column in table";
            return Err(error(544, format!("{message} '{}' when IDENTITY_INSERT is set to OFF.", table.name)));
        }
        if column.kind == Kind::RowVersion {
            return Err(error(273, "Cannot insert an explicit value into a timestamp column."));
        }
        if columns.iter().filter(|other| other.number == column.number).count() > 1 {
            return Err(error(264, format!("The column name '{}' is specified more than once.", column.name)));
        }
    }
    Ok(columns)
}

fn same_number(given: usize, wanted: usize) -> Result<()> {
    if given == wanted {
        return Ok(());
    }
    Err(error(213, "Column name or number of supplied values does not match table definition."))
}

fn values(emitter: &mut Emitter<'_>, row: &[Expr], columns: &[&Column], defaults: &[String]) -> Result<String> {
    same_number(row.len(), columns.len())?;
    let mut list = Vec::new();
    for (value, column) in row.iter().zip(columns) {
        list.push(match value {
            Expr::Default => default(emitter, column)?,
            value => assign(emitter.value(value)?, column)?.sql,
        });
    }
    list.extend_from_slice(defaults);
    Ok(format!("SELECT {}", list.join(", ")))
}

/// A column's default, as it wants it; NULL without one.
pub fn default(emitter: &mut Emitter<'_>, column: &Column) -> Result<String> {
    match &column.default {
        Some(text) => Ok(assign(emitter.value(&parse::expression(text)?)?, column)?.sql),
        None => Ok("NULL".to_owned()),
    }
}
