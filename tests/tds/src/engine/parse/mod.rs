//! Batches to statements, by recursive descent. A batch is parsed whole before its first statement runs, as SQL Server does it.

mod control;
mod ddl;
mod dml;
mod expr;
mod query;
mod reserved;

use super::ast::Step;
use super::error::{Result, error};
use super::kind::Kind as Type;
use super::lexer::{Kind, Token, tokens};
use crate::value::ServerError;

pub struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    /// Where the outermost statement began, for errors.
    statement: usize,
}

/// The statements of a batch.
pub fn batch(text: &str) -> Result<Vec<Step>> {
    let mut parser = Parser::new(text)?;
    let steps = parser.steps(|_| false)?;
    if *parser.peek() == Kind::End { Ok(steps) } else { Err(parser.wrong()) }
}

/// One expression that stands alone: a default.
pub fn expression(text: &str) -> Result<super::ast::Expr> {
    Parser::new(text)?.expr()
}

/// The columns of a table, as `CREATE TABLE` has them between its parentheses.
pub fn columns(text: &str) -> Result<super::ast::Table> {
    Parser::new(text)?.table_body()
}

/// `[schema].[name]` to its parts; `None` where it is no name.
pub fn name(text: &str) -> Option<Vec<String>> {
    let mut parser = Parser::new(text).ok()?;
    let parts = parser.any_names().ok()?;
    (*parser.peek() == Kind::End).then_some(parts)
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self> {
        Ok(Self { text, tokens: tokens(text)?, at: 0, statement: 0 })
    }

    fn peek(&self) -> &Kind {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Kind {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)].kind
    }

    fn start(&self) -> usize {
        self.tokens[self.at].start
    }

    /// Where the token before this one ended.
    fn ended(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].end)
    }

    fn advance(&mut self) -> Kind {
        let kind = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        kind
    }

    fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    fn is_at(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek_at(ahead), Kind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    /// All of these words in a row, or none.
    fn take_all(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(ahead, word)| self.is_at(ahead, word));
        self.at += if found { words.len() } else { 0 };
        found
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        if self.take(word) { Ok(()) } else { Err(self.wrong()) }
    }

    fn sees(&self, symbol: &str) -> bool {
        self.sees_at(0, symbol)
    }

    fn sees_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.peek_at(ahead), Kind::Symbol(found) if *found == symbol)
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.sees(symbol);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, symbol: &str) -> Result<()> {
        if self.eat(symbol) { Ok(()) } else { Err(self.wrong()) }
    }

    /// `item, item, ...`
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut found = vec![item(self)?];
        while self.eat(",") {
            found.push(item(self)?);
        }
        Ok(found)
    }

    /// `(item, item, ...)`
    fn parenthesized<T>(&mut self, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.need("(")?;
        let found = self.list(item)?;
        self.need(")")?;
        Ok(found)
    }

    /// A name that is no keyword, or any in brackets.
    fn identifier(&mut self) -> Result<String> {
        match self.peek() {
            Kind::Word(word) if reserved::is_reserved(word) => {
                let near = format!("Incorrect syntax near the keyword '{word}'.");
                Err(self.wrong_with(156, &near))
            }
            Kind::Word(name) | Kind::Quoted(name) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.wrong()),
        }
    }

    /// `a`, `a.b`, `a.b.c`.
    fn names(&mut self) -> Result<Vec<String>> {
        let mut parts = vec![self.identifier()?];
        while self.eat(".") {
            parts.push(self.identifier()?);
        }
        Ok(parts)
    }

    /// The same in a text, where keywords are names, too.
    fn any_names(&mut self) -> Result<Vec<String>> {
        let mut parts = Vec::new();
        loop {
            match self.advance() {
                Kind::Word(name) | Kind::Quoted(name) => parts.push(name),
                _ => return Err(self.wrong()),
            }
            if !self.eat(".") {
                return Ok(parts);
            }
        }
    }

    fn variable(&mut self) -> Result<String> {
        match self.advance() {
            Kind::Variable(name) if !name.starts_with("@@") => Ok(name),
            _ => Err(self.wrong()),
        }
    }

    fn whole(&mut self) -> Result<i64> {
        let negative = self.eat("-");
        match self.advance() {
            Kind::Number(digits) => match digits.parse::<i64>() {
                Ok(number) => Ok(if negative { -number } else { number }),
                Err(_) => Err(self.wrong()),
            },
            _ => Err(self.wrong()),
        }
    }

    /// A type, with what stands in parentheses behind it.
    fn kind(&mut self) -> Result<Type> {
        let (Kind::Word(name) | Kind::Quoted(name)) = self.advance() else { return Err(self.wrong()) };
        let mut length = None;
        if self.eat("(") {
            length = match self.advance() {
                Kind::Word(word) | Kind::Number(word) => Some(word),
                _ => return Err(self.wrong()),
            };
            // Digits behind the point: none.
            if self.eat(",") && self.whole()? != 0 {
                return Err(self.wrong());
            }
            self.need(")")?;
        }
        // A cast to a text without a length takes 30 characters; a column or variable has one. Nobody should depend on either.
        Type::named(&name, length.as_deref()).ok_or_else(|| self.wrong_with(102, &format!("The type {name} is not known here.")))
    }

    /// Everything between this parenthesis and its end is passed over.
    fn skip_parentheses(&mut self) -> Result<()> {
        self.need("(")?;
        let mut depth = 1;
        while depth > 0 {
            match self.advance() {
                Kind::Symbol("(") => depth += 1,
                Kind::Symbol(")") => depth -= 1,
                Kind::End => return Err(self.wrong()),
                _ => {}
            }
        }
        Ok(())
    }

    /// An error at this token, with the statement's text.
    fn wrong(&self) -> ServerError {
        let token = &self.tokens[self.at];
        let near = match &self.text[token.start..token.end] {
            "" => "Incorrect syntax near the end of the batch.".to_owned(),
            token => format!("Incorrect syntax near '{token}'."),
        };
        self.wrong_with(102, &near)
    }

    fn wrong_with(&self, number: u32, message: &str) -> ServerError {
        let rest = self.tokens[self.at..].iter().find(|token| matches!(token.kind, Kind::Symbol(";") | Kind::End));
        let end = rest.map_or(self.text.len(), |token| token.end);
        // A statement that does not begin like one is often the rest of the one before it.
        let earlier = self.tokens.iter().rfind(|token| token.kind == Kind::Symbol(";") && token.end <= self.statement);
        let start = earlier.map_or(0, |token| token.end).min(end);
        error(number, format!("{message} Not understood: {}", self.text[start..end].trim()))
    }
}
