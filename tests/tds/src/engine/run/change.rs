//! UPDATE and DELETE: first the rows and their new values are found, then they are written one by one.

use std::collections::HashSet;

use rusqlite::types::Value as Stored;

use super::Engine;
use super::insert::default;
use crate::engine::ast::{Change, Expr, Set};
use crate::engine::catalog::{Column, Table, quoted};
use crate::engine::emit::{Emitter, assign};
use crate::engine::error::{Result, error};
use crate::engine::kind::{Class, Kind};

/// What a value of the found row is for.
enum To {
    Column(Column),
    Variable(String),
}

impl Engine {
    pub(super) fn update(&mut self, change: &Change) -> Result<()> {
        let env = self.env();
        let (sql, table, to) = Emitter::new(&env).changed(change, |emitter, alias, table| {
            let (mut list, mut to) = (Vec::new(), Vec::new());
            for set in &change.sets {
                let (sql, target) = set_value(emitter, set, alias, table)?;
                list.push(sql);
                to.push(target);
            }
            Ok((list, to))
        })?;
        drop(env);
        self.refuse_output(change.output.as_ref(), &table, "UPDATE")?;
        let updated = update_sql(&table, &to);
        let names: Vec<String> =
            to.iter().filter_map(|to| if let To::Column(column) = to { Some(column.name.clone()) } else { None }).collect();
        let result = self.write(|s| {
            let rows = once_each(s.rows(&sql, &[])?);
            let count = rows.len();
            let mut output = s.output(change.output.as_ref(), &table)?;
            for (number, values) in rows {
                let old = if output.is_some() { Some(s.row(&table, number)?) } else { None };
                s.update_row(&table, &updated, &to, number, values)?;
                if let Some(output) = &mut output {
                    output.row(s, Some(number), old)?;
                }
            }
            s.fire(count, Some(&names))?;
            Ok((count, output))
        });
        let (count, output) = result?;
        let answered = self.put_out(output, change.output.as_ref())?;
        self.count(count, answered);
        Ok(())
    }

    fn update_row(&mut self, table: &Table, sql: &str, to: &[To], number: i64, values: Vec<Stored>) -> Result<()> {
        let mut bound = Vec::new();
        for (value, to) in values.into_iter().zip(to) {
            match to {
                To::Column(column) => bound.push(self.checked(value, column, table, "UPDATE")?),
                To::Variable(name) => self.set_variable(name, value)?,
            }
        }
        bound.push(Stored::Integer(number));
        self.write_row(sql, &bound, "UPDATE", table)?;
        Ok(())
    }

    pub(super) fn delete(&mut self, change: &Change) -> Result<()> {
        let env = self.env();
        let (sql, table, ()) = Emitter::new(&env).changed(change, |_, _, _| Ok((Vec::new(), ())))?;
        drop(env);
        self.refuse_output(change.output.as_ref(), &table, "DELETE")?;
        let deleted = format!("DELETE FROM {} WHERE _rowid_ = ?1", table.sql());
        let result = self.write(|s| {
            let rows = once_each(s.rows(&sql, &[])?);
            let count = rows.len();
            let mut output = s.output(change.output.as_ref(), &table)?;
            for (number, _) in rows {
                let old = if output.is_some() { Some(s.row(&table, number)?) } else { None };
                s.write_row(&deleted, &[Stored::Integer(number)], "DELETE", &table)?;
                if let Some(output) = &mut output {
                    output.row(s, None, old)?;
                }
            }
            s.fire(count, None)?;
            Ok((count, output))
        });
        let (count, output) = result?;
        let answered = self.put_out(output, change.output.as_ref())?;
        self.count(count, answered);
        Ok(())
    }

    /// All columns of a row as they are now.
    fn row(&self, table: &Table, number: i64) -> Result<Vec<Stored>> {
        let columns: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
        let sql = format!("SELECT {} FROM {} WHERE _rowid_ = :row", columns.join(", "), table.sql());
        Ok(self.rows(&sql, &[(":row", &Stored::Integer(number))])?.pop().unwrap_or_default())
    }
}

fn update_sql(table: &Table, to: &[To]) -> String {
    let mut sets = Vec::new();
    for to in to {
        if let To::Column(column) = to {
            sets.push(format!("{} = ?{}", quoted(&column.name), sets.len() + 1));
        }
    }
    let row = sets.len() + 1;
    for column in table.columns.iter().filter(|column| column.kind == Kind::RowVersion) {
        sets.push(format!("{} = tds_next_version()", quoted(&column.name)));
    }
    if sets.is_empty() {
        sets.push("_rowid_ = _rowid_".to_owned());
    }
    format!("UPDATE {} SET {} WHERE _rowid_ = ?{row}", table.sql(), sets.join(", "))
}

/// A join may give a row several times; it is written once.
fn once_each(rows: Vec<Vec<Stored>>) -> Vec<(i64, Vec<Stored>)> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for row in rows {
        let mut row = row.into_iter();
        if let Some(Stored::Integer(number)) = row.next()
            && seen.insert(number)
        {
            found.push((number, row.collect()));
        }
    }
    found
}

fn set_value(emitter: &mut Emitter<'_>, set: &Set, alias: &str, table: &Table) -> Result<(String, To)> {
    let changeable = |name: &str| {
        let column = table.column(name)?;
        match column {
            Column { kind: Kind::RowVersion, .. } => Err(error(272, "Cannot update a timestamp column.")),
            Column { identity: true, name, .. } => Err(error(8102, format!("Cannot update identity column '{name}'."))),
            column => Ok(column.clone()),
        }
    };
    match set {
        Set::Column(name, Expr::Default) => {
            let column = changeable(name)?;
            Ok((default(emitter, &column)?, To::Column(column)))
        }
        Set::Column(name, value) => {
            let column = changeable(name)?;
            let value = emitter.value(value)?;
            Ok((assign(value, &column)?.sql, To::Column(column)))
        }
        Set::Write(name, arguments) => {
            let [piece, offset, length] = &**arguments;
            let column = changeable(name)?;
            let old = emitter.value(&Expr::Column(vec![alias.to_owned(), column.name.clone()]))?;
            let piece = emitter.value(piece)?;
            if column.kind != Kind::VarBinary(None) || !matches!(piece.kind.class(), Class::Bytes | Class::Null) {
                return Err(error(258, format!("Cannot call methods on {} with a {}.", column.kind, piece.kind)));
            }
            let (offset, length) = (emitter.value(offset)?.sql, emitter.value(length)?.sql);
            Ok((format!("tds_write({}, {}, {offset}, {length})", old.sql, piece.sql), To::Column(column)))
        }
        Set::Variable(name, value) => Ok((emitter.assigned(name, value)?.sql, To::Variable(name.clone()))),
    }
}
