//! What stands behind FROM.

use super::{Emitted, Emitter, From, OutColumn, Scope, columns_of};
use crate::engine::ast::{Query, Source};
use crate::engine::catalog::{Table, quoted, same, views};
use crate::engine::error::{Result, error, refused};

impl Emitter<'_> {
    /// The sources as SQL, in the scope on top. `row`: the alias or name of the one whose rows are to be changed.
    pub fn from(&mut self, sources: &[Source], row: Option<&str>) -> Result<String> {
        let parts = sources.iter().map(|source| self.source(source, row)).collect::<Result<Vec<_>>>()?;
        Ok(parts.join(", "))
    }

    fn source(&mut self, source: &Source, row: Option<&str>) -> Result<String> {
        match source {
            Source::Join { kind, left, right, on } => {
                let joined = matches!(**right, Source::Join { .. });
                let (left, right) = (self.source(left, row)?, self.source(right, row)?);
                let right = if joined { format!("({right})") } else { right };
                let on = on.as_ref().map_or(Ok(String::new()), |on| self.condition(on).map(|on| format!(" ON {on}")))?;
                Ok(format!("{left} {kind} {right}{on}"))
            }
            Source::Table { name, alias } => self.table(name, alias.as_deref(), row),
            Source::Variable { name, alias } => {
                let table = self.env.tables.get(name);
                let table = table.ok_or_else(|| error(1087, format!("Must declare the table variable \"{name}\".")))?.clone();
                let sql = table.sql();
                Ok(self.add(alias.as_deref().unwrap_or(name), None, &sql, &table, true))
            }
            Source::Derived { query, alias, columns } => self.derived(query, alias, columns, row.is_some_and(|row| same(row, alias))),
            Source::Function { name, arguments: _, alias } => {
                let function = name.last().map(String::as_str).unwrap_or_default();
                let Some((table, rows)) = views::view(function)?.filter(|_| function.to_ascii_lowercase().starts_with("fn_")) else {
                    return Err(refused(format!("the function {} among the sources", name.join("."))));
                };
                Ok(self.add(alias.as_deref().unwrap_or(function), None, &rows, &table, false))
            }
        }
    }

    fn table(&mut self, name: &[String], alias: Option<&str>, row: Option<&str>) -> Result<String> {
        let last = name.last().map(String::as_str).unwrap_or_default();
        let called = alias.unwrap_or(last);
        let wanted = row.is_some_and(|row| same(row, called) || same(row, last));
        if name.len() == 1 {
            if let Some(at) = self.ctes.iter().rposition(|cte| same(&cte.name, last)) {
                return self.cte(at, called, wanted);
            }
            if let Some((_, table, rows)) = self.env.pseudo.iter().find(|(pseudo, ..)| same(pseudo, last)) {
                return Ok(self.add(called, None, rows, table, false));
            }
        }
        if name.len() > 1 && name.get(name.len() - 2).is_some_and(|schema| same(schema, "sys")) {
            let view = views::view(last)?;
            let (table, mut rows) = view.ok_or_else(|| error(208, format!("Invalid object name '{}'.", name.join("."))))?;
            if table.name == views::PARTITIONS {
                rows = self.env.catalog.partitions()?;
            }
            return Ok(self.add(called, Some("sys"), &rows, &table, false));
        }
        let table = self.env.catalog.table(name)?;
        let (sql, schema) = (table.sql(), table.schema.clone());
        Ok(self.add(called, alias.is_none().then_some(schema.as_str()), &sql, &table, true))
    }

    /// A CTE stands as a derived table wherever it is named. It sees only the ones before it, and no query around it.
    fn cte(&mut self, at: usize, called: &str, row: bool) -> Result<String> {
        let cte = self.ctes[at].clone();
        let later = self.ctes.split_off(at);
        let scopes = std::mem::take(&mut self.scopes);
        let query = self.query(&cte.query, row);
        self.scopes = scopes;
        self.ctes.extend(later);
        self.add_query(query?, called, &cte.columns)
    }

    fn derived(&mut self, query: &Query, alias: &str, columns: &[String], row: bool) -> Result<String> {
        // A derived table does not see the sources beside it.
        let beside = self.scopes.pop().unwrap_or_default();
        let query = self.query(query, row);
        self.scopes.push(beside);
        self.add_query(query?, alias, columns)
    }

    fn add_query(&mut self, query: Emitted, alias: &str, names: &[String]) -> Result<String> {
        let mut columns = query.columns;
        if !names.is_empty() && names.len() != columns.len() {
            return Err(error(8158, format!("'{alias}' has another number of columns than were specified in the column list.")));
        }
        let mut sql = query.sql;
        if !names.is_empty() {
            let row = query.base.is_some().then(|| quoted(super::ROW));
            let list: Vec<String> = row.into_iter().chain(names.iter().map(|name| quoted(name))).collect();
            sql = format!("WITH v ({}) AS ({sql}) SELECT * FROM v", list.join(", "));
            for (column, name) in columns.iter_mut().zip(names) {
                column.name = Some(name.clone());
            }
        }
        if let Some(at) = columns.iter().position(|column| column.name.is_none()) {
            return Err(error(8155, format!("No column name was specified for column {} of '{alias}'.", at + 1)));
        }
        let sql_alias = self.free_alias(alias);
        let row = query.base.map(|table| (format!("{}.{}", quoted(&sql_alias), quoted(super::ROW)), table));
        self.push(From { alias: alias.to_owned(), sql_alias: sql_alias.clone(), schema: None, columns, row });
        Ok(format!("({sql}) AS {}", quoted(&sql_alias)))
    }

    pub(super) fn add(&mut self, called: &str, schema: Option<&str>, sql: &str, table: &Table, rows: bool) -> String {
        let sql_alias = self.free_alias(called);
        let row = rows.then(|| (format!("{}._rowid_", quoted(&sql_alias)), table.clone()));
        let columns: Vec<OutColumn> = columns_of(table);
        let schema = schema.map(str::to_owned);
        self.push(From { alias: called.to_owned(), sql_alias: sql_alias.clone(), schema, columns, row });
        format!("{sql} AS {}", quoted(&sql_alias))
    }

    fn push(&mut self, from: From) {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.sources.push(from);
        }
    }

    /// Two tables of one name in different schemas need two aliases.
    fn free_alias(&self, wanted: &str) -> String {
        let taken = |alias: &str| self.scopes.last().is_some_and(|scope| scope.sources.iter().any(|from| same(&from.sql_alias, alias)));
        let mut alias = wanted.to_owned();
        while taken(&alias) {
            alias.push('~');
        }
        alias
    }
}
