//! Statements, and those that steer: options, variables, branches, transactions, errors.

use super::Parser;
use crate::engine::ast::{Expr, Statement, Step};
use crate::engine::error::{Result, error};
use crate::engine::lexer::Kind;

impl Parser<'_> {
    /// Statements up to the end of the batch, or to where `ends` says so.
    pub(super) fn steps(&mut self, ends: impl Fn(&Self) -> bool) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            while self.eat(";") {}
            if *self.peek() == Kind::End || ends(self) {
                return Ok(steps);
            }
            let first = steps.is_empty();
            if self.is_any(&["WITH", "THROW"]) && !first && !self.tokens[self.at - 1].kind.eq(&Kind::Symbol(";")) {
                return Err(self.wrong_with(319, "Incorrect syntax: the previous statement must be terminated with a semicolon."));
            }
            if !first && self.is("CREATE") && (self.is_at(1, "TRIGGER") || self.is_at(1, "OR") || self.is_at(1, "SCHEMA")) {
                return Err(error(111, "'CREATE TRIGGER' and 'CREATE SCHEMA' must be the first statement in a query batch."));
            }
            steps.push(self.step()?);
        }
    }

    fn step(&mut self) -> Result<Step> {
        let (start, outer) = (self.start(), self.statement);
        self.statement = start;
        let statement = self.statement()?;
        self.statement = outer;
        Ok(Step { statement, text: self.text[start..self.ended()].to_owned() })
    }

    fn statement(&mut self) -> Result<Statement> {
        let Kind::Word(word) = self.peek() else {
            return if self.sees("(") { self.query().map(Statement::Query) } else { Err(self.wrong()) };
        };
        match word.to_ascii_uppercase().as_str() {
            "SELECT" => self.query().map(Statement::Query),
            "WITH" => self.with(),
            "INSERT" => self.insert(),
            "UPDATE" => self.update(Vec::new()),
            "DELETE" => self.delete(Vec::new()),
            "SET" => self.set(),
            "DECLARE" => self.declare(),
            "IF" => self.branch(),
            "WHILE" => self.repeat(),
            "BEGIN" => self.begin(),
            "COMMIT" => self.transaction_end(Statement::Commit),
            "ROLLBACK" => self.transaction_end(Statement::Rollback),
            "BREAK" => self.word_alone(Statement::Break),
            "CONTINUE" => self.word_alone(Statement::Continue),
            "RETURN" => self.word_alone(Statement::Return),
            "THROW" => self.throw(),
            "RAISERROR" => self.raise(),
            "PRINT" => {
                self.at += 1;
                self.expr().map(Statement::Print)
            }
            "WAITFOR" => {
                self.at += 1;
                self.expect("DELAY")?;
                self.expr().map(Statement::Wait)
            }
            "EXEC" | "EXECUTE" => self.execute(),
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop_statement(),
            "ENABLE" | "DISABLE" => self.switch(),
            "GRANT" | "DENY" | "REVOKE" => self.ignored(),
            // There is one database.
            "USE" => {
                self.at += 1;
                self.identifier().map(|_| Statement::Ignored)
            }
            _ => Err(self.wrong()),
        }
    }

    fn word_alone(&mut self, statement: Statement) -> Result<Statement> {
        self.at += 1;
        Ok(statement)
    }

    /// Passes over a statement about rights or roles.
    pub(super) fn ignored(&mut self) -> Result<Statement> {
        while !self.sees(";") && *self.peek() != Kind::End {
            self.at += 1;
        }
        Ok(Statement::Ignored)
    }

    fn with(&mut self) -> Result<Statement> {
        let ctes = self.ctes()?;
        if self.is("UPDATE") {
            self.update(ctes)
        } else if self.is("DELETE") {
            self.delete(ctes)
        } else if self.is("INSERT") {
            let mut statement = self.insert()?;
            if let Statement::Insert(insert) = &mut statement
                && let Some(rows) = &mut insert.rows
            {
                rows.ctes = ctes;
            }
            Ok(statement)
        } else {
            self.query_with(ctes).map(Statement::Query)
        }
    }

    fn set(&mut self) -> Result<Statement> {
        self.at += 1;
        if let Kind::Variable(_) = self.peek() {
            let name = self.variable()?;
            let Kind::Symbol(operator) = self.advance() else { return Err(self.wrong()) };
            let value = self.expr()?;
            return Ok(Statement::Assign(name.clone(), compound(operator, Expr::Variable(name), value).ok_or_else(|| self.wrong())?));
        }
        if self.take_all(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
            let Kind::Word(mut level) = self.advance() else { return Err(self.wrong()) };
            if let Kind::Word(second) = self.peek()
                && (second.eq_ignore_ascii_case("READ") || level.eq_ignore_ascii_case("READ") || level.eq_ignore_ascii_case("REPEATABLE"))
            {
                level = format!("{level} {second}");
                self.at += 1;
            }
            return Ok(Statement::Option(vec!["ISOLATION".to_owned()], level.to_ascii_uppercase()));
        }
        let options = self.list(|p| match p.advance() {
            Kind::Word(option) => Ok(option.to_ascii_uppercase()),
            _ => Err(p.wrong()),
        })?;
        let negative = self.eat("-");
        let value = match self.advance() {
            Kind::Word(value) | Kind::Number(value) => value,
            _ => return Err(self.wrong()),
        };
        let value = if negative { format!("-{value}") } else { value.to_ascii_uppercase() };
        let valued = |option: &str| matches!(option, "LOCK_TIMEOUT" | "DEADLOCK_PRIORITY" | "TEXTSIZE" | "DATEFORMAT" | "LANGUAGE");
        if !matches!(value.as_str(), "ON" | "OFF") && !options.iter().all(|option| valued(option)) {
            return Err(self.wrong());
        }
        Ok(Statement::Option(options, value))
    }

    fn declare(&mut self) -> Result<Statement> {
        self.at += 1;
        if matches!(self.peek(), Kind::Variable(_)) && (self.is_at(1, "TABLE") || (self.is_at(1, "AS") && self.is_at(2, "TABLE"))) {
            let name = self.variable()?;
            self.take("AS");
            self.expect("TABLE")?;
            self.need("(")?;
            let table = self.table_body()?;
            self.need(")")?;
            return Ok(Statement::DeclareTable(name, table));
        }
        let variables = self.list(|p| {
            let name = p.variable()?;
            p.take("AS");
            let kind = p.kind()?;
            let value = if p.eat("=") { Some(p.expr()?) } else { None };
            Ok((name, kind, value))
        })?;
        Ok(Statement::Declare(variables))
    }

    fn branch(&mut self) -> Result<Statement> {
        self.at += 1;
        let condition = self.expr()?;
        let then = Box::new(self.step()?);
        // A semicolon may stand before ELSE, after the statement or the block.
        let before = self.at;
        while self.eat(";") {}
        if !self.take("ELSE") {
            self.at = before;
            return Ok(Statement::If(condition, then, None));
        }
        Ok(Statement::If(condition, then, Some(Box::new(self.step()?))))
    }

    fn repeat(&mut self) -> Result<Statement> {
        self.at += 1;
        let condition = self.expr()?;
        Ok(Statement::While(condition, Box::new(self.step()?)))
    }

    fn begin(&mut self) -> Result<Statement> {
        self.at += 1;
        if self.take("TRAN") || self.take("TRANSACTION") {
            self.transaction_name();
            // A mark is for the log, of which there is none here.
            if self.take_all(&["WITH", "MARK"])
                && let Kind::Text { .. } = self.peek()
            {
                self.at += 1;
            }
            return Ok(Statement::Begin);
        }
        if self.take("TRY") {
            let body = self.block()?;
            self.expect("TRY")?;
            while self.eat(";") {}
            self.expect("BEGIN")?;
            self.expect("CATCH")?;
            let handler = self.block()?;
            self.expect("CATCH")?;
            return Ok(Statement::Try(body, handler));
        }
        self.block().map(Statement::Block)
    }

    /// Statements up to END.
    fn block(&mut self) -> Result<Vec<Step>> {
        let steps = self.steps(|p| p.is("END"))?;
        self.expect("END")?;
        Ok(steps)
    }

    fn transaction_end(&mut self, statement: Statement) -> Result<Statement> {
        self.at += 1;
        if self.take("TRAN") || self.take("TRANSACTION") {
            self.transaction_name();
        } else {
            self.take("WORK");
        }
        Ok(statement)
    }

    fn transaction_name(&mut self) {
        let is_name = match self.peek() {
            Kind::Word(word) => !super::reserved::is_reserved(word) && !self.is("THROW"),
            Kind::Variable(_) => true,
            _ => false,
        };
        if is_name {
            self.at += 1;
        }
    }

    fn throw(&mut self) -> Result<Statement> {
        self.at += 1;
        if self.sees(";") || *self.peek() == Kind::End || self.is("END") {
            return Ok(Statement::Throw(None));
        }
        let number = self.expr()?;
        self.need(",")?;
        let message = self.expr()?;
        self.need(",")?;
        self.expr()?;
        Ok(Statement::Throw(Some((number, message))))
    }

    fn raise(&mut self) -> Result<Statement> {
        self.at += 1;
        self.need("(")?;
        let message = self.expr()?;
        self.need(",")?;
        let severity = self.expr()?;
        self.need(",")?;
        self.expr()?;
        self.need(")")?;
        Ok(Statement::Raise(message, severity))
    }

    fn execute(&mut self) -> Result<Statement> {
        self.at += 1;
        if self.eat("(") {
            let text = self.expr()?;
            self.need(")")?;
            return Ok(Statement::Execute(text));
        }
        let name = self.names()?.pop().unwrap_or_default();
        let mut arguments = Vec::new();
        if !self.sees(";") && *self.peek() != Kind::End {
            arguments = self.list(|p| {
                let named = matches!(p.peek(), Kind::Variable(_)) && p.sees_at(1, "=");
                let parameter = if named { Some(p.variable()?) } else { None };
                p.at += usize::from(named);
                Ok((parameter, p.expr()?))
            })?;
        }
        Ok(Statement::Procedure(name.to_ascii_lowercase(), arguments))
    }
}

/// `=`, or `+=` and the like as what they stand for.
pub(super) fn compound(operator: &str, target: Expr, value: Expr) -> Option<Expr> {
    let operator = match operator {
        "=" => return Some(value),
        "+=" => "+",
        "-=" => "-",
        "*=" => "*",
        "/=" => "/",
        "%=" => "%",
        _ => return None,
    };
    Some(Expr::Binary(operator, Box::new(target), Box::new(value)))
}
