//! CREATE, ALTER, DROP.

use super::Parser;
use crate::engine::ast::{Alter, ColumnText, Constraint, Index, Rule, Statement, Table, Trigger};
use crate::engine::error::Result;
use crate::engine::lexer::Kind;

impl Parser<'_> {
    pub(super) fn create(&mut self) -> Result<Statement> {
        let start = self.start();
        self.expect("CREATE")?;
        if self.take("SCHEMA") {
            let name = self.identifier()?;
            if self.take("AUTHORIZATION") {
                self.identifier()?;
            }
            return Ok(Statement::CreateSchema(name));
        }
        if self.take("TABLE") {
            let name = self.names()?;
            self.need("(")?;
            let table = self.table_body()?;
            self.need(")")?;
            self.storage()?;
            return Ok(Statement::CreateTable(name, table));
        }
        if self.is_any(&["ROLE", "USER", "LOGIN", "STATISTICS"]) {
            return self.ignored();
        }
        let replace = self.take_all(&["OR", "ALTER"]);
        if self.take("TRIGGER") { self.trigger(start, replace) } else { self.index() }
    }

    fn trigger(&mut self, start: usize, replace: bool) -> Result<Statement> {
        let name = self.names()?;
        self.expect("ON")?;
        let table = self.names()?;
        if self.take("WITH") {
            self.expect("EXECUTE")?;
            self.expect("AS")?;
            self.advance();
        }
        if !self.take("AFTER") {
            self.expect("FOR")?;
        }
        let actions = self.list(|p| {
            let action = ["INSERT", "UPDATE", "DELETE"].into_iter().find(|action| p.is(action)).ok_or_else(|| p.wrong())?;
            p.at += 1;
            Ok(action)
        })?;
        if self.take("NOT") {
            self.expect("FOR")?;
            self.expect("REPLICATION")?;
        }
        self.expect("AS")?;
        let body = self.steps(|_| false)?;
        Ok(Statement::CreateTrigger(Trigger { name, table, actions, replace, text: self.text[start..].to_owned(), body }))
    }

    fn index(&mut self) -> Result<Statement> {
        let unique = self.take("UNIQUE");
        let clustered = self.take("CLUSTERED");
        if !clustered {
            self.take("NONCLUSTERED");
        }
        self.expect("INDEX")?;
        let name = self.identifier()?;
        self.expect("ON")?;
        let table = self.names()?;
        let columns = self.key_columns()?;
        let included = if self.take("INCLUDE") { self.parenthesized(Self::identifier)? } else { Vec::new() };
        let mut filter = None;
        if self.take("WHERE") {
            let start = self.start();
            let expr = self.expr()?;
            filter = Some((expr, self.text[start..self.ended()].to_owned()));
        }
        self.storage()?;
        Ok(Statement::CreateIndex(Index { name, unique, clustered, columns, included, filter }, table))
    }

    fn key_columns(&mut self) -> Result<Vec<(String, bool)>> {
        self.parenthesized(|p| {
            let name = p.identifier()?;
            let descending = p.take("DESC");
            if !descending {
                p.take("ASC");
            }
            Ok((name, descending))
        })
    }

    /// `WITH (...)`, `ON [PRIMARY]`, `TEXTIMAGE_ON [PRIMARY]`: how it is stored, which is this server's own affair.
    fn storage(&mut self) -> Result<()> {
        loop {
            if self.is("WITH") && self.sees_at(1, "(") {
                self.at += 1;
                self.skip_parentheses()?;
            } else if (self.is("ON") || self.is("TEXTIMAGE_ON")) && matches!(self.peek_at(1), Kind::Quoted(_)) {
                self.at += 2;
            } else {
                return Ok(());
            }
        }
    }

    /// Columns and constraints, up to the closing parenthesis.
    pub(super) fn table_body(&mut self) -> Result<Table> {
        let mut table = Table::default();
        loop {
            if self.is_any(&["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]) {
                let constraint = self.constraint(None)?;
                table.constraints.push(constraint);
            } else {
                self.column_text(&mut table)?;
            }
            if !self.eat(",") {
                return Ok(table);
            }
        }
    }

    fn column_text(&mut self, table: &mut Table) -> Result<()> {
        // `timestamp` alone names both the column and its type.
        let name = self.identifier()?;
        let alone = name.eq_ignore_ascii_case("timestamp") && (self.sees(",") || self.sees(")"));
        let kind = if alone { crate::engine::kind::Kind::RowVersion } else { self.kind()? };
        let mut column = ColumnText { name, kind, collation: None, nullable: true, identity: None, row_guid: false, default: None };
        loop {
            if self.take("COLLATE") {
                column.collation = Some(self.identifier()?);
            } else if self.take_all(&["NOT", "NULL"]) {
                column.nullable = false;
            } else if self.take("NULL") {
                column.nullable = true;
            } else if self.take("ROWGUIDCOL") {
                column.row_guid = true;
            } else if self.take("IDENTITY") {
                column.identity = Some((1, 1));
                if self.eat("(") {
                    let first = self.whole()?;
                    self.need(",")?;
                    column.identity = Some((first, self.whole()?));
                    self.need(")")?;
                }
                column.nullable = false;
            } else if self.is("DEFAULT") || (self.is("CONSTRAINT") && self.is_at(2, "DEFAULT")) {
                let name = if self.take("CONSTRAINT") { Some(self.identifier()?) } else { None };
                self.expect("DEFAULT")?;
                let start = self.start();
                self.sum()?;
                column.default = Some((name, self.text[start..self.ended()].to_owned()));
            } else if self.take_all(&["WITH", "VALUES"]) {
                // Only says that rows which are there get the default, too, which ALTER TABLE here does anyway.
            } else if self.is_any(&["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "REFERENCES", "CHECK"]) {
                let constraint = self.constraint(Some(&column.name))?;
                if matches!(constraint.rule, Rule::Unique { primary: true, .. }) {
                    column.nullable = false;
                }
                table.constraints.push(constraint);
            } else {
                break;
            }
        }
        table.columns.push(column);
        Ok(())
    }

    /// `column`: where it stands behind one, and is about it unless it says otherwise.
    fn constraint(&mut self, column: Option<&str>) -> Result<Constraint> {
        let name = if self.take("CONSTRAINT") { Some(self.identifier()?) } else { None };
        let primary = self.take_all(&["PRIMARY", "KEY"]);
        if primary || self.take("UNIQUE") {
            let clustered = self.take("CLUSTERED") || (!self.take("NONCLUSTERED") && primary);
            let columns = match column {
                Some(column) if !self.sees("(") => vec![(column.to_owned(), false)],
                _ => self.key_columns()?,
            };
            self.storage()?;
            return Ok(Constraint { name, rule: Rule::Unique { primary, clustered, columns } });
        }
        if self.take("CHECK") {
            let start = self.start();
            self.need("(")?;
            let expr = self.expr()?;
            self.need(")")?;
            return Ok(Constraint { name, rule: Rule::Check(expr, self.text[start..self.ended()].to_owned()) });
        }
        let mut columns: Vec<String> = column.map(str::to_owned).into_iter().collect();
        if self.take_all(&["FOREIGN", "KEY"]) && self.sees("(") {
            columns = self.parenthesized(Self::identifier)?;
        }
        self.expect("REFERENCES")?;
        let table = self.names()?;
        let referenced = if self.sees("(") { self.parenthesized(Self::identifier)? } else { Vec::new() };
        let (mut on_delete, mut on_update) = ("NO ACTION", "NO ACTION");
        loop {
            if self.take_all(&["ON", "DELETE"]) {
                on_delete = self.action()?;
            } else if self.take_all(&["ON", "UPDATE"]) {
                on_update = self.action()?;
            } else {
                return Ok(Constraint { name, rule: Rule::Foreign { columns, table, referenced, on_delete, on_update } });
            }
        }
    }

    fn action(&mut self) -> Result<&'static str> {
        for action in ["NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT"] {
            if self.take_all(&action.split(' ').collect::<Vec<_>>()) {
                return Ok(action);
            }
        }
        Err(self.wrong())
    }

    pub(super) fn alter(&mut self) -> Result<Statement> {
        self.expect("ALTER")?;
        if self.is_any(&["ROLE", "USER", "AUTHORIZATION", "DATABASE", "SERVER"]) {
            return self.ignored();
        }
        self.expect("TABLE")?;
        let table = self.names()?;
        if self.is("ENABLE") || self.is("DISABLE") {
            let disabled = self.take("DISABLE") || !self.take("ENABLE");
            self.expect("TRIGGER")?;
            let trigger = if self.take("ALL") { None } else { Some(self.names()?) };
            return Ok(Statement::Switch { trigger, table, disabled });
        }
        if self.take("SET") {
            self.skip_parentheses()?;
            return Ok(Statement::Alter(table, Alter::Ignored));
        }
        self.take_all(&["WITH", "CHECK"]);
        if self.take("ADD") {
            return Ok(Statement::Alter(table, Alter::Add(self.table_body()?)));
        }
        self.expect("DROP")?;
        let alter = if self.take("COLUMN") {
            Alter::DropColumn(self.identifier()?)
        } else {
            self.expect("CONSTRAINT")?;
            Alter::DropConstraint(self.identifier()?)
        };
        Ok(Statement::Alter(table, alter))
    }

    pub(super) fn drop_statement(&mut self) -> Result<Statement> {
        self.expect("DROP")?;
        if self.is_any(&["ROLE", "USER", "LOGIN"]) {
            return self.ignored();
        }
        let what = ["TABLE", "TRIGGER", "SCHEMA", "INDEX"].into_iter().find(|what| self.is(what)).ok_or_else(|| self.wrong())?;
        self.at += 1;
        let lenient = self.take_all(&["IF", "EXISTS"]);
        let name = self.names()?;
        let table = if what == "INDEX" && self.take("ON") { self.names()? } else { Vec::new() };
        Ok(Statement::Drop { what, name, table, lenient })
    }

    /// `DISABLE TRIGGER name ON table`
    pub(super) fn switch(&mut self) -> Result<Statement> {
        let disabled = self.take("DISABLE") || !self.take("ENABLE");
        self.expect("TRIGGER")?;
        let trigger = if self.take("ALL") { None } else { Some(self.names()?) };
        self.expect("ON")?;
        Ok(Statement::Switch { trigger, table: self.names()?, disabled })
    }
}
