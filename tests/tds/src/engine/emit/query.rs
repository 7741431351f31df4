//! Queries, and the rows that an UPDATE or DELETE is about.

use super::convert::{common, convert, sorted};
use super::{Emitted, Emitter, OutColumn, ROW, Scope, Typed};
use crate::engine::ast::{Body, Change, Expr, Item, Order, Query, Select, Source};
use crate::engine::catalog::{Table, quoted, same};
use crate::engine::error::{Result, error, refused};

impl Emitter<'_> {
    /// `row`: with the number of the row of its table in front.
    pub fn query(&mut self, query: &Query, row: bool) -> Result<Emitted> {
        let outer = self.ctes.len();
        self.ctes.extend(query.ctes.iter().cloned());
        let emitted = self.ordered(query, row);
        self.ctes.truncate(outer);
        emitted
    }

    fn ordered(&mut self, query: &Query, row: bool) -> Result<Emitted> {
        let bounds = self.bounds(query)?;
        if let Body::Select(select) = &query.body {
            return self.select(select, &query.order, bounds, row);
        }
        let mut emitted = self.body(&query.body)?;
        if !query.order.is_empty() {
            let mut order = Vec::new();
            for Order { by, descending } in &query.order {
                let at = output(by, &emitted.columns).ok_or_else(|| refused("a union is ordered by something it does not select"))?;
                order.push(format!("{}{}", at + 1, if *descending { " DESC" } else { "" }));
            }
            emitted.sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
        }
        emitted.sql.push_str(&bounds.unwrap_or_default());
        Ok(emitted)
    }

    /// OFFSET and FETCH.
    fn bounds(&mut self, query: &Query) -> Result<Option<String>> {
        let mut bound = |expr: &Option<Expr>| expr.as_ref().map(|expr| self.value(expr).map(|value| value.sql)).transpose();
        let (offset, fetch) = (bound(&query.offset)?, bound(&query.fetch)?);
        Ok(offset.map(|offset| format!(" LIMIT {} OFFSET {offset}", fetch.as_deref().unwrap_or("-1"))))
    }

    fn body(&mut self, body: &Body) -> Result<Emitted> {
        match body {
            Body::Select(select) => self.select(select, &[], None, false),
            Body::Nested(query) => {
                let inside = self.query(query, false)?;
                Ok(Emitted { sql: format!("SELECT * FROM ({})", inside.sql), ..inside })
            }
            Body::Values(rows) => self.values(rows),
            Body::Combined(operator, left, right) => {
                let (left, right) = (self.body(left)?, self.body(right)?);
                if left.columns.len() != right.columns.len() {
                    return Err(error(205, "All queries combined using UNION, INTERSECT or EXCEPT must have as many columns."));
                }
                let mut columns = Vec::new();
                for (one, other) in left.columns.iter().zip(&right.columns) {
                    let kind = one.kind.wider(other.kind);
                    let collation = common(&one.collation, &other.collation)?;
                    columns.push(OutColumn { name: one.name.clone(), kind, collation });
                }
                let (left, right) = (adapted(&left, &columns), adapted(&right, &columns));
                Ok(Emitted { sql: format!("{left} {operator} {right}"), columns, base: None, assigned: Vec::new() })
            }
        }
    }

    fn values(&mut self, rows: &[Vec<Expr>]) -> Result<Emitted> {
        let mut parts: Vec<Emitted> = Vec::new();
        for row in rows {
            let values = row.iter().map(|value| self.value(value)).collect::<Result<Vec<_>>>()?;
            let sql: Vec<&str> = values.iter().map(|value| value.sql.as_str()).collect();
            let sql = format!("SELECT {}", sql.join(", "));
            let columns = values.iter().map(|value| OutColumn { name: None, kind: value.kind, collation: value.collation.clone() });
            parts.push(Emitted { sql, columns: columns.collect(), base: None, assigned: Vec::new() });
        }
        let Some(mut columns) = parts.first().map(|part| part.columns.clone()) else { return Err(refused("VALUES without a row")) };
        for part in &parts {
            if part.columns.len() != columns.len() {
                return Err(error(10709, "The number of columns for each row in a table value constructor must be the same."));
            }
            for (column, other) in columns.iter_mut().zip(&part.columns) {
                column.kind = column.kind.wider(other.kind);
            }
        }
        let sql: Vec<String> = parts.iter().map(|part| adapted(part, &columns)).collect();
        Ok(Emitted { sql: sql.join(" UNION ALL "), columns, base: None, assigned: Vec::new() })
    }

    fn select(&mut self, select: &Select, order: &[Order], bounds: Option<String>, row: bool) -> Result<Emitted> {
        self.scopes.push(Scope::default());
        let emitted = self.select_inside(select, order, bounds, row);
        self.scopes.pop();
        emitted
    }

    fn select_inside(&mut self, select: &Select, order: &[Order], bounds: Option<String>, row: bool) -> Result<Emitted> {
        let wanted = if row { Some("") } else { None };
        let from = self.source_of(select, wanted)?;
        let mut items = Vec::new();
        let mut base = None;
        if row {
            let first = self.scopes.last().and_then(|scope| scope.sources.iter().find_map(|from| from.row.clone()));
            if select.distinct || !select.group.is_empty() {
                return Err(error(4403, "Cannot update the CTE or derived table because it contains DISTINCT or a grouping."));
            }
            let (number, table) = first.ok_or_else(|| refused("a change of something that is no table"))?;
            items.push(format!("{number} AS {}", quoted(ROW)));
            base = Some(table);
        }
        let (columns, assigned) = self.items(&select.items, &mut items)?;
        let mut sql = format!("SELECT {}{}", if select.distinct { "DISTINCT " } else { "" }, items.join(", "));
        if !from.is_empty() {
            sql.push_str(&format!(" FROM {from}"));
        }
        if let Some(filter) = &select.filter {
            sql.push_str(&format!(" WHERE {}", self.condition(filter)?));
        }
        if !select.group.is_empty() {
            let group = select.group.iter().map(|by| self.value(by).map(|by| sorted(&by))).collect::<Result<Vec<_>>>()?;
            sql.push_str(&format!(" GROUP BY {}", group.join(", ")));
        }
        if let Some(having) = &select.having {
            sql.push_str(&format!(" HAVING {}", self.condition(having)?));
        }
        if !order.is_empty() {
            let order = order.iter().map(|order| self.order(order, &columns, usize::from(row))).collect::<Result<Vec<_>>>()?;
            sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
        }
        match (&select.top, bounds) {
            (Some(top), None) => sql.push_str(&format!(" LIMIT {}", self.value(top)?.sql)),
            (_, Some(bounds)) => sql.push_str(&bounds),
            (None, None) => {}
        }
        Ok(Emitted { sql, columns, base, assigned })
    }

    /// Rows of the first source are wanted where `row` is there, whatever it is called.
    fn source_of(&mut self, select: &Select, row: Option<&str>) -> Result<String> {
        let first = row.and_then(|_| select.from.first()).map(|source| first_name(source).to_owned());
        self.from(&select.from, first.as_deref())
    }

    /// The select list into `sql`.
    pub fn items(&mut self, items: &[Item], sql: &mut Vec<String>) -> Result<(Vec<OutColumn>, Vec<String>)> {
        let (mut columns, mut assigned): (Vec<OutColumn>, _) = (Vec::new(), Vec::new());
        for item in items {
            let (name, value) = match item {
                Item::Star(source) => {
                    let start = columns.len();
                    self.star(source.as_deref(), sql, &mut columns)?;
                    if columns.len() == start {
                        return Err(error(107, "The column prefix does not match with a table name or alias name used in the query."));
                    }
                    continue;
                }
                Item::Value(value, Some(alias)) => (Some(alias.clone()), self.value(value)?),
                Item::Value(value, None) => (column_name(value), self.value(value)?),
                Item::Assign(variable, value) => {
                    assigned.push(variable.clone());
                    (None, self.assigned(variable, value)?)
                }
            };
            let alias = name.clone().unwrap_or_else(|| format!("column {}", columns.len() + 1));
            sql.push(format!("{} AS {}", sorted(&value), quoted(&alias)));
            columns.push(OutColumn { name, kind: value.kind, collation: value.collation });
        }
        if !assigned.is_empty() && assigned.len() != columns.len() {
            return Err(error(
                141,
                "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.",
            ));
        }
        Ok((columns, assigned))
    }

    /// A value as a variable takes it.
    pub fn assigned(&mut self, variable: &str, value: &Expr) -> Result<Typed> {
        let Some(kind) = self.env.variables.get(variable).copied() else {
            return Err(error(137, format!("Must declare the scalar variable \"{variable}\".")));
        };
        Ok(convert(self.value(value)?, kind))
    }

    fn star(&mut self, source: Option<&str>, sql: &mut Vec<String>, columns: &mut Vec<OutColumn>) -> Result<()> {
        let Some(scope) = self.scopes.last() else { return Ok(()) };
        let wanted = scope.sources.iter().filter(|from| source.is_none_or(|source| same(source, &from.alias)));
        for from in wanted {
            for column in &from.columns {
                let name = column.name.as_deref().unwrap_or_default();
                let of = if from.sql_alias.is_empty() { String::new() } else { format!("{}.", quoted(&from.sql_alias)) };
                sql.push(format!("{of}{} AS {}", quoted(name), quoted(name)));
                columns.push(column.clone());
            }
        }
        Ok(())
    }

    /// `shift`: how many columns stand before the ones that the query names.
    fn order(&mut self, order: &Order, columns: &[OutColumn], shift: usize) -> Result<String> {
        let by = match output(&order.by, columns) {
            Some(at) => (at + 1 + shift).to_string(),
            None => sorted(&self.value(&order.by)?),
        };
        Ok(format!("{by}{}", if order.descending { " DESC" } else { "" }))
    }

    /// What OUTPUT gives, over the rows of `inserted` and `deleted`.
    pub fn output(&mut self, items: &[Item]) -> Result<Emitted> {
        self.scopes.push(Scope::default());
        let mut from = Vec::new();
        for (name, table, rows) in &self.env.pseudo {
            from.push(self.add(name, None, rows, table, false));
        }
        let mut list = Vec::new();
        let (columns, assigned) = self.items(items, &mut list)?;
        let sql = format!("SELECT {} FROM {}", list.join(", "), from.join(", "));
        Ok(Emitted { sql, columns, base: None, assigned })
    }

    /// The rows that a change is about: their numbers, and the new values. `items` gives the values once the sources are known: it is told
    /// how the changed one is called.
    pub fn changed<T>(
        &mut self,
        change: &Change,
        items: impl FnOnce(&mut Self, &str, &Table) -> Result<(Vec<String>, T)>,
    ) -> Result<(String, Table, T)> {
        self.ctes.extend(change.ctes.iter().cloned());
        self.scopes.push(Scope::default());
        let name = first_name(&change.target).to_owned();
        // The target is one of the sources, by its alias or its name, or else the only one.
        let among = change.from.iter().any(|source| is_among(source, &name));
        let mut from = if among { String::new() } else { self.from(std::slice::from_ref(&change.target), Some(&name))? };
        if !change.from.is_empty() {
            let rest = self.from(&change.from, Some(&name))?;
            from = if from.is_empty() { rest } else { format!("{from}, {rest}") };
        }
        let sources = self.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
        let by_alias = sources.iter().find(|source| same(&source.alias, &name));
        let by_name = || sources.iter().find(|source| source.row.as_ref().is_some_and(|(_, table)| same(&table.name, &name)));
        let target =
            by_alias.or_else(by_name).and_then(|source| source.row.clone().map(|(number, table)| (number, source.alias.clone(), table)));
        let (number, alias, table) = target.ok_or_else(|| error(208, format!("Invalid object name '{name}'.")))?;
        let (mut list, result) = items(self, &alias, &table)?;
        list.insert(0, format!("{number} AS {}", quoted(ROW)));
        let mut sql = format!("SELECT {} FROM {from}", list.join(", "));
        if let Some(filter) = &change.filter {
            sql.push_str(&format!(" WHERE {}", self.condition(filter)?));
        }
        if let Some(top) = &change.top {
            sql.push_str(&format!(" LIMIT {}", self.value(top)?.sql));
        }
        Ok((sql, table, result))
    }
}

/// A query whose columns are converted to what a union makes of them.
fn adapted(query: &Emitted, columns: &[OutColumn]) -> String {
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
    let list: Vec<String> = names
        .iter()
        .zip(query.columns.iter().zip(columns))
        .map(|(name, (from, to))| convert(Typed::value(name.clone(), from.kind), to.kind).sql)
        .zip(names.iter().zip(columns))
        .map(|(sql, (name, column))| format!("{sql} AS {}", quoted(column.name.as_deref().unwrap_or(name))))
        .collect();
    // Its own bounds are allowed only inside of a query of its own.
    format!("SELECT {} FROM (WITH v ({}) AS ({}) SELECT * FROM v)", list.join(", "), names.join(", "), query.sql)
}

/// Which of the selected columns an order is by: a number, or a name that the select list gives.
fn output(by: &Expr, columns: &[OutColumn]) -> Option<usize> {
    match by {
        Expr::Whole(at) => usize::try_from(*at).ok()?.checked_sub(1),
        Expr::Column(parts) => match &parts[..] {
            [name] => columns.iter().position(|column| column.name.as_deref().is_some_and(|known| same(known, name))),
            _ => None,
        },
        _ => None,
    }
}

fn column_name(value: &Expr) -> Option<String> {
    match value {
        Expr::Column(parts) => parts.last().cloned(),
        Expr::Collate(inside, _) => column_name(inside),
        _ => None,
    }
}

/// How the first source of a list is called.
fn first_name(source: &Source) -> &str {
    match source {
        Source::Join { left, .. } => first_name(left),
        Source::Table { name, alias } => alias.as_deref().or(name.last().map(String::as_str)).unwrap_or_default(),
        Source::Variable { name, alias } => alias.as_deref().unwrap_or(name),
        Source::Derived { alias, .. } => alias,
        Source::Function { .. } => "",
    }
}

fn is_among(source: &Source, wanted: &str) -> bool {
    match source {
        Source::Join { left, right, .. } => is_among(left, wanted) || is_among(right, wanted),
        Source::Table { name, alias } => {
            alias.as_deref().is_some_and(|alias| same(alias, wanted)) || name.last().is_some_and(|name| same(name, wanted))
        }
        other => same(first_name(other), wanted),
    }
}
