//! INSERT, UPDATE, DELETE and what they put out.

use super::Parser;
use super::control::compound;
use crate::engine::ast::{Change, Cte, Expr, Insert, Item, Output, Set, Source, Statement};
use crate::engine::error::Result;
use crate::engine::lexer::Kind;

impl Parser<'_> {
    pub(super) fn insert(&mut self) -> Result<Statement> {
        self.expect("INSERT")?;
        self.take("INTO");
        let table = self.target()?;
        let columns = if self.sees("(") && !self.is_at(1, "SELECT") { self.parenthesized(Self::identifier)? } else { Vec::new() };
        let output = self.output()?;
        let rows = if self.take_all(&["DEFAULT", "VALUES"]) { None } else { Some(self.query()?) };
        Ok(Statement::Insert(Insert { table, columns, output, rows }))
    }

    pub(super) fn update(&mut self, ctes: Vec<Cte>) -> Result<Statement> {
        self.expect("UPDATE")?;
        let top = self.top()?;
        let target = self.target()?;
        self.expect("SET")?;
        let sets = self.list(Self::assignment)?;
        self.change(ctes, top, target, sets).map(Statement::Update)
    }

    pub(super) fn delete(&mut self, ctes: Vec<Cte>) -> Result<Statement> {
        self.expect("DELETE")?;
        let top = self.top()?;
        self.take("FROM");
        let target = self.target()?;
        self.change(ctes, top, target, Vec::new()).map(Statement::Delete)
    }

    fn change(&mut self, ctes: Vec<Cte>, top: Option<Expr>, target: Source, sets: Vec<Set>) -> Result<Change> {
        let output = self.output()?;
        let from = if self.take("FROM") { self.list(Self::source)? } else { Vec::new() };
        let filter = if self.take("WHERE") { Some(self.expr()?) } else { None };
        self.option()?;
        Ok(Change { ctes, top, target, sets, output, from, filter })
    }

    /// A table or a table variable, without an alias, with hints.
    fn target(&mut self) -> Result<Source> {
        if let Kind::Variable(_) = self.peek() {
            return Ok(Source::Variable { name: self.variable()?, alias: None });
        }
        let name = self.names()?;
        self.hints()?;
        Ok(Source::Table { name, alias: None })
    }

    fn assignment(&mut self) -> Result<Set> {
        if let Kind::Variable(_) = self.peek() {
            let name = self.variable()?;
            self.need("=")?;
            return Ok(Set::Variable(name, self.expr()?));
        }
        let mut parts = self.names()?;
        if self.eat("(") {
            if parts.pop().is_none_or(|method| !method.eq_ignore_ascii_case("WRITE")) || parts.is_empty() {
                return Err(self.wrong());
            }
            let piece = self.expr()?;
            self.need(",")?;
            let offset = self.expr()?;
            self.need(",")?;
            let length = self.expr()?;
            self.need(")")?;
            return Ok(Set::Write(parts.pop().unwrap_or_default(), Box::new([piece, offset, length])));
        }
        let Kind::Symbol(operator) = self.advance() else { return Err(self.wrong()) };
        let value = self.expr()?;
        let value = compound(operator, Expr::Column(parts.clone()), value).ok_or_else(|| self.wrong())?;
        Ok(Set::Column(parts.pop().unwrap_or_default(), value))
    }

    fn output(&mut self) -> Result<Option<Output>> {
        if !self.take("OUTPUT") {
            return Ok(None);
        }
        let items: Vec<Item> = self.list(Self::item)?;
        let mut into = None;
        if self.take("INTO") {
            let table = self.variable()?;
            let columns = if self.sees("(") { self.parenthesized(Self::identifier)? } else { Vec::new() };
            into = Some((table, columns));
        }
        Ok(Some(Output { items, into }))
    }
}
