//! Queries: SELECT and what it is made of, and the sources of rows.

use super::Parser;
use crate::engine::ast::{Body, Cte, Expr, Item, Query, Select, Source};
use crate::engine::error::Result;
use crate::engine::lexer::Kind;

impl Parser<'_> {
    /// With its CTEs, order and bounds.
    pub(super) fn query(&mut self) -> Result<Query> {
        let ctes = self.ctes()?;
        self.query_with(ctes)
    }

    pub(super) fn ctes(&mut self) -> Result<Vec<Cte>> {
        if !self.take("WITH") {
            return Ok(Vec::new());
        }
        self.list(|p| {
            let name = p.identifier()?;
            let columns = if p.sees("(") { p.parenthesized(Self::identifier)? } else { Vec::new() };
            p.expect("AS")?;
            p.need("(")?;
            let query = p.query()?;
            p.need(")")?;
            Ok(Cte { name, columns, query })
        })
    }

    pub(super) fn query_with(&mut self, ctes: Vec<Cte>) -> Result<Query> {
        let mut body = self.body()?;
        loop {
            let operator = if self.take_all(&["UNION", "ALL"]) {
                "UNION ALL"
            } else if self.take("UNION") {
                "UNION"
            } else if self.take("EXCEPT") {
                "EXCEPT"
            } else if self.take("INTERSECT") {
                "INTERSECT"
            } else {
                break;
            };
            body = Body::Combined(operator, Box::new(body), Box::new(self.body()?));
        }
        let mut query = Query { ctes, body, ..Query::default() };
        if self.take_all(&["ORDER", "BY"]) {
            query.order = self.list(Self::order)?;
            if self.take("OFFSET") {
                query.offset = Some(self.sum()?);
                self.rows_word()?;
            }
            if self.take("FETCH") {
                if !self.take("NEXT") {
                    self.expect("FIRST")?;
                }
                query.fetch = Some(self.sum()?);
                self.rows_word()?;
                self.expect("ONLY")?;
            }
        }
        self.option()?;
        Ok(query)
    }

    fn rows_word(&mut self) -> Result<()> {
        if self.take("ROWS") { Ok(()) } else { self.expect("ROW") }
    }

    /// `OPTION (...)`: for a planner that this server does not have.
    pub(super) fn option(&mut self) -> Result<()> {
        if self.take("OPTION") { self.skip_parentheses() } else { Ok(()) }
    }

    fn body(&mut self) -> Result<Body> {
        if self.eat("(") {
            let query = self.query()?;
            self.need(")")?;
            return Ok(Body::Nested(Box::new(query)));
        }
        if self.take("VALUES") {
            return Ok(Body::Values(self.list(|p| p.parenthesized(Self::expr))?));
        }
        self.expect("SELECT")?;
        let distinct = self.take("DISTINCT");
        if !distinct {
            self.take("ALL");
        }
        let mut select = Select { distinct, top: self.top()?, ..Select::default() };
        select.items = self.list(Self::item)?;
        if self.take("FROM") {
            select.from = self.list(Self::source)?;
        }
        if self.take("WHERE") {
            select.filter = Some(self.expr()?);
        }
        if self.take_all(&["GROUP", "BY"]) {
            select.group = self.list(Self::expr)?;
        }
        if self.take("HAVING") {
            select.having = Some(self.expr()?);
        }
        Ok(Body::Select(Box::new(select)))
    }

    pub(super) fn top(&mut self) -> Result<Option<Expr>> {
        if !self.take("TOP") {
            return Ok(None);
        }
        if !self.eat("(") {
            return Ok(Some(Expr::Whole(self.whole()?)));
        }
        let bound = self.expr()?;
        self.need(")")?;
        if self.is_any(&["PERCENT", "WITH"]) { Err(self.wrong()) } else { Ok(Some(bound)) }
    }

    pub(super) fn item(&mut self) -> Result<Item> {
        if self.eat("*") {
            return Ok(Item::Star(None));
        }
        if matches!(self.peek(), Kind::Word(_) | Kind::Quoted(_)) {
            if self.sees_at(1, ".") && self.sees_at(2, "*") {
                let source = self.identifier()?;
                self.at += 2;
                return Ok(Item::Star(Some(source)));
            }
            if self.sees_at(1, "=") {
                let alias = self.identifier()?;
                self.at += 1;
                return Ok(Item::Value(self.expr()?, Some(alias)));
            }
        }
        if matches!(self.peek(), Kind::Variable(_)) && self.sees_at(1, "=") {
            let variable = self.variable()?;
            self.at += 1;
            return Ok(Item::Assign(variable, self.expr()?));
        }
        let value = self.expr()?;
        Ok(Item::Value(value, self.alias()?))
    }

    /// `AS name`, or the name alone.
    fn alias(&mut self) -> Result<Option<String>> {
        let named = self.take("AS");
        match self.peek() {
            Kind::Text { value, .. } if named => {
                let alias = value.clone();
                self.at += 1;
                Ok(Some(alias))
            }
            Kind::Quoted(_) => self.identifier().map(Some),
            Kind::Word(word) if named || !(super::reserved::is_reserved(word) || is_clause(word)) => self.identifier().map(Some),
            _ if named => Err(self.wrong()),
            _ => Ok(None),
        }
    }

    /// A table, and what is joined to it.
    pub(super) fn source(&mut self) -> Result<Source> {
        let mut left = self.single_source()?;
        loop {
            let kind = if self.take_all(&["INNER", "JOIN"]) || self.take("JOIN") {
                "JOIN"
            } else if self.take_all(&["LEFT", "JOIN"]) || self.take_all(&["LEFT", "OUTER", "JOIN"]) {
                "LEFT JOIN"
            } else if self.take_all(&["FULL", "JOIN"]) || self.take_all(&["FULL", "OUTER", "JOIN"]) {
                "FULL JOIN"
            } else if self.take_all(&["CROSS", "JOIN"]) {
                "CROSS JOIN"
            } else {
                return Ok(left);
            };
            let right = self.single_source()?;
            let on = if kind == "CROSS JOIN" {
                None
            } else {
                self.expect("ON")?;
                Some(self.expr()?)
            };
            left = Source::Join { kind, left: Box::new(left), right: Box::new(right), on };
        }
    }

    pub(super) fn single_source(&mut self) -> Result<Source> {
        if let Kind::Variable(_) = self.peek() {
            let name = self.variable()?;
            return Ok(Source::Variable { name, alias: self.alias()? });
        }
        if self.sees("(") {
            return self.derived();
        }
        let name = self.names()?;
        if self.sees("(") && !self.is_at(1, "NOLOCK") {
            self.at += 1;
            let arguments = if self.sees(")") { Vec::new() } else { self.list(Self::expr)? };
            self.need(")")?;
            return Ok(Source::Function { name, arguments, alias: self.alias()? });
        }
        let alias = self.alias()?;
        self.hints()?;
        Ok(Source::Table { name, alias })
    }

    /// `(SELECT ...) AS x`, `(VALUES ...) AS x (a, b)`, or joins in parentheses.
    fn derived(&mut self) -> Result<Source> {
        self.need("(")?;
        if !self.is_any(&["SELECT", "VALUES", "WITH"]) && !self.sees("(") {
            let inside = self.source()?;
            self.need(")")?;
            return Ok(inside);
        }
        let query = Box::new(self.query()?);
        self.need(")")?;
        let Some(alias) = self.alias()? else { return Err(self.wrong()) };
        let columns = if self.sees("(") { self.parenthesized(Self::identifier)? } else { Vec::new() };
        Ok(Source::Derived { query, alias, columns })
    }

    /// `WITH (UPDLOCK, ...)`: this server proves nothing about locks, so they are only checked to be ones.
    pub(super) fn hints(&mut self) -> Result<()> {
        if !(self.is("WITH") && self.sees_at(1, "(")) {
            return Ok(());
        }
        self.at += 1;
        self.parenthesized(|p| match p.advance() {
            Kind::Word(word) if word.eq_ignore_ascii_case("INDEX") || word.eq_ignore_ascii_case("FORCESEEK") => {
                if p.eat("=") {
                    p.identifier()?;
                } else if p.sees("(") {
                    p.skip_parentheses()?;
                }
                Ok(())
            }
            Kind::Word(word) if HINTS.contains(&word.to_ascii_uppercase().as_str()) => Ok(()),
            _ => Err(p.wrong()),
        })?;
        Ok(())
    }
}

const HINTS: [&str; 21] = [
    "UPDLOCK",
    "ROWLOCK",
    "PAGLOCK",
    "TABLOCK",
    "TABLOCKX",
    "XLOCK",
    "HOLDLOCK",
    "SERIALIZABLE",
    "REPEATABLEREAD",
    "READCOMMITTED",
    "READCOMMITTEDLOCK",
    "READPAST",
    "READUNCOMMITTED",
    "NOLOCK",
    "NOWAIT",
    "SNAPSHOT",
    "NOEXPAND",
    "FORCESCAN",
    "KEEPIDENTITY",
    "KEEPDEFAULTS",
    "IGNORE_TRIGGERS",
];

/// Words that begin what follows a source or an item, though they are not reserved.
fn is_clause(word: &str) -> bool {
    ["OUTPUT", "OFFSET", "THROW", "TRY", "CATCH", "ENABLE", "DISABLE"].iter().any(|clause| word.eq_ignore_ascii_case(clause))
}
