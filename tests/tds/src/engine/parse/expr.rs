//! Expressions and conditions.

use super::Parser;
use super::reserved::is_reserved;
use crate::engine::ast::{Call, Expr, Order, Over};
use crate::engine::error::Result;
use crate::engine::lexer::Kind;

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<Expr> {
        let mut left = self.conjunction()?;
        while self.take("OR") {
            left = binary("OR", left, self.conjunction()?);
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expr> {
        let mut left = self.negation()?;
        while self.take("AND") {
            left = binary("AND", left, self.negation()?);
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expr> {
        if self.take("NOT") { Ok(Expr::Not(Box::new(self.negation()?))) } else { self.comparison() }
    }

    fn comparison(&mut self) -> Result<Expr> {
        let left = self.sum()?;
        let Some(operator) = self.operator() else { return self.predicate(left) };
        Ok(binary(operator, left, self.sum()?))
    }

    fn operator(&mut self) -> Option<&'static str> {
        let Kind::Symbol(symbol) = self.peek() else { return None };
        let operator = match *symbol {
            "=" => "=",
            "<>" | "!=" => "<>",
            "<" => "<",
            ">" => ">",
            "<=" | "!>" => "<=",
            ">=" | "!<" => ">=",
            _ => return None,
        };
        self.at += 1;
        Some(operator)
    }

    /// `IS NULL`, `IN`, `LIKE`, `BETWEEN` behind a value, or nothing.
    fn predicate(&mut self, left: Expr) -> Result<Expr> {
        let value = Box::new(left);
        if self.take("IS") {
            let negated = self.take("NOT");
            self.expect("NULL")?;
            return Ok(Expr::IsNull(value, negated));
        }
        let negated = self.is("NOT") && (self.is_at(1, "IN") || self.is_at(1, "LIKE") || self.is_at(1, "BETWEEN"));
        self.at += usize::from(negated);
        if self.take("IN") {
            if self.sees("(") && (self.is_at(1, "SELECT") || self.is_at(1, "WITH")) {
                self.need("(")?;
                let query = self.query()?;
                self.need(")")?;
                return Ok(Expr::InQuery(value, Box::new(query), negated));
            }
            return Ok(Expr::In(value, self.parenthesized(Self::expr)?, negated));
        }
        if self.take("LIKE") {
            let pattern = Box::new(self.sum()?);
            let escape = if self.take("ESCAPE") { Some(Box::new(self.sum()?)) } else { None };
            return Ok(Expr::Like(value, pattern, escape, negated));
        }
        if self.take("BETWEEN") {
            let low = Box::new(self.sum()?);
            self.expect("AND")?;
            return Ok(Expr::Between(value, low, Box::new(self.sum()?), negated));
        }
        Ok(*value)
    }

    pub(super) fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Kind::Symbol(symbol @ ("+" | "-" | "&" | "|" | "^")) => *symbol,
                _ => return Ok(left),
            };
            self.at += 1;
            left = binary(operator, left, self.product()?);
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.peek() {
                Kind::Symbol(symbol @ ("*" | "/" | "%")) => *symbol,
                _ => return Ok(left),
            };
            self.at += 1;
            left = binary(operator, left, self.signed()?);
        }
    }

    fn signed(&mut self) -> Result<Expr> {
        if self.eat("-") {
            return Ok(match self.signed()? {
                Expr::Whole(number) => Expr::Whole(-number),
                value => Expr::Negative(Box::new(value)),
            });
        }
        if self.eat("+") {
            return self.signed();
        }
        let mut value = self.primary()?;
        while self.take("COLLATE") {
            value = Expr::Collate(Box::new(value), self.identifier()?);
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expr> {
        let token = self.peek().clone();
        match token {
            Kind::Symbol("(") => self.nested(),
            Kind::Number(digits) => {
                self.at += 1;
                let value = digits.parse().map(Expr::Whole).or_else(|_| digits.parse().map(Expr::Float));
                value.map_err(|_| self.wrong())
            }
            Kind::Text { value, national } => {
                self.at += 1;
                Ok(Expr::Text { value, national })
            }
            Kind::Bytes(bytes) => {
                self.at += 1;
                Ok(Expr::Bytes(bytes))
            }
            Kind::Variable(name) => {
                self.at += 1;
                Ok(Expr::Variable(name))
            }
            Kind::Quoted(_) => self.column(),
            Kind::Word(word) => self.word(&word.to_ascii_uppercase()),
            _ => Err(self.wrong()),
        }
    }

    fn nested(&mut self) -> Result<Expr> {
        self.need("(")?;
        let inside = if self.is_any(&["SELECT", "WITH"]) { Expr::Query(Box::new(self.query()?)) } else { self.expr()? };
        self.need(")")?;
        Ok(inside)
    }

    /// What begins with a word: a keyword's own form, a function, a column.
    fn word(&mut self, word: &str) -> Result<Expr> {
        match word {
            "NULL" => self.constant(Expr::Null),
            "DEFAULT" => self.constant(Expr::Default),
            "CURRENT_TIMESTAMP" => self.constant(call("GETDATE", Vec::new())),
            "CASE" => self.case(),
            "EXISTS" => {
                self.at += 1;
                self.need("(")?;
                let query = self.query()?;
                self.need(")")?;
                Ok(Expr::Exists(Box::new(query)))
            }
            "CAST" | "TRY_CAST" if self.sees_at(1, "(") => self.cast(word == "TRY_CAST"),
            "CONVERT" | "TRY_CONVERT" if self.sees_at(1, "(") => self.convert(word == "TRY_CONVERT"),
            _ if self.sees_at(1, "(") && may_be_called(word) => {
                self.at += 2;
                self.call(word)
            }
            _ => self.column(),
        }
    }

    fn constant(&mut self, value: Expr) -> Result<Expr> {
        self.at += 1;
        Ok(value)
    }

    fn column(&mut self) -> Result<Expr> {
        let parts = self.names()?;
        if self.sees("(") && parts.len() > 1 {
            self.at += 1;
            return self.call(&parts.join(".").to_ascii_uppercase());
        }
        Ok(Expr::Column(parts))
    }

    fn case(&mut self) -> Result<Expr> {
        self.expect("CASE")?;
        let operand = if self.is("WHEN") { None } else { Some(Box::new(self.expr()?)) };
        let mut whens = Vec::new();
        while self.take("WHEN") {
            let when = self.expr()?;
            self.expect("THEN")?;
            whens.push((when, self.expr()?));
        }
        let otherwise = if self.take("ELSE") { Some(Box::new(self.expr()?)) } else { None };
        self.expect("END")?;
        if whens.is_empty() { Err(self.wrong()) } else { Ok(Expr::Case { operand, whens, otherwise }) }
    }

    fn cast(&mut self, lenient: bool) -> Result<Expr> {
        self.at += 1;
        self.need("(")?;
        let value = Box::new(self.expr()?);
        self.expect("AS")?;
        let to = self.kind()?;
        self.need(")")?;
        Ok(Expr::Cast { value, to, style: None, lenient })
    }

    fn convert(&mut self, lenient: bool) -> Result<Expr> {
        self.at += 1;
        self.need("(")?;
        let to = self.kind()?;
        self.need(",")?;
        let value = Box::new(self.expr()?);
        let style = if self.eat(",") { Some(Box::new(self.expr()?)) } else { None };
        self.need(")")?;
        Ok(Expr::Cast { value, to, style, lenient })
    }

    /// Behind a function's opening parenthesis.
    fn call(&mut self, name: &str) -> Result<Expr> {
        let mut found = Call { name: name.to_owned(), arguments: Vec::new(), star: false, distinct: false, over: None };
        if self.eat("*") {
            found.star = true;
        } else if !self.sees(")") {
            found.distinct = self.take("DISTINCT");
            found.arguments = self.list(Self::expr)?;
        }
        self.need(")")?;
        if self.take_all(&["WITHIN", "GROUP"]) {
            return Err(self.wrong());
        }
        if self.take("OVER") {
            self.need("(")?;
            let partition = if self.take_all(&["PARTITION", "BY"]) { self.list(Self::expr)? } else { Vec::new() };
            let order = if self.take_all(&["ORDER", "BY"]) { self.list(Self::order)? } else { Vec::new() };
            self.need(")")?;
            found.over = Some(Over { partition, order });
        }
        Ok(Expr::Call(found))
    }

    pub(super) fn order(&mut self) -> Result<Order> {
        let by = self.expr()?;
        let descending = self.take("DESC");
        if !descending {
            self.take("ASC");
        }
        Ok(Order { by, descending })
    }
}

fn binary(operator: &'static str, left: Expr, right: Expr) -> Expr {
    Expr::Binary(operator, Box::new(left), Box::new(right))
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Call(Call { name: name.to_owned(), arguments, star: false, distinct: false, over: None })
}

/// Reserved words that are functions, too.
fn may_be_called(word: &str) -> bool {
    !is_reserved(word) || matches!(word, "LEFT" | "RIGHT" | "COALESCE" | "NULLIF" | "UPDATE" | "IDENTITY")
}
