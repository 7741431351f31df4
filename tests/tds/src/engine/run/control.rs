//! Walks the statements of a batch.

use std::time::Duration;

use rusqlite::types::Value as Stored;

use super::bind::converted;
use super::{Engine, Frame, OrServer, PATIENCE, Variable};
use crate::engine::ast::{Expr, Query, Statement, Step};
use crate::engine::catalog::{Column, Table};
use crate::engine::emit::Emitter;
use crate::engine::error::{Result, error, refused};
use crate::engine::kind::Kind;
use crate::engine::native::time;
use crate::engine::parse;
use crate::value::{Column as WireColumn, Outcome};

/// Where a statement leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Next,
    Break,
    Continue,
    Return,
}

impl Engine {
    pub(super) fn steps(&mut self, steps: &[Step]) -> Result<Flow> {
        for step in steps {
            let flow = self.step(step)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn step(&mut self, step: &Step) -> Result<Flow> {
        self.statement(&step.statement).map_err(|mut failure| {
            if failure.number == 102 && !failure.message.contains(&step.text) && !failure.message.contains("Statement: ") {
                failure.message = format!("{} Statement: {}", failure.message, step.text);
            }
            failure
        })
    }

    fn statement(&mut self, statement: &Statement) -> Result<Flow> {
        match statement {
            Statement::Block(steps) => return self.steps(steps),
            Statement::If(condition, then, otherwise) => {
                let holds = self.holds(condition)?;
                self.row_count = 0;
                return match (holds, otherwise) {
                    (true, _) => self.step(then),
                    (false, Some(otherwise)) => self.step(otherwise),
                    (false, None) => Ok(Flow::Next),
                };
            }
            Statement::While(condition, body) => return self.repeat(condition, body),
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
            Statement::Return => return Ok(Flow::Return),
            Statement::Try(body, handler) => return self.attempt(body, handler),
            Statement::Execute(text) => {
                let text = self.text(text)?;
                self.nested(&text, Frame::default())?;
            }
            Statement::Procedure(name, arguments) => self.procedure(name, arguments)?,
            Statement::Declare(variables) => {
                for (name, kind, value) in variables {
                    let known = self.frame.variables.contains_key(name);
                    if !known {
                        self.frame.variables.insert(name.clone(), Variable { kind: *kind, value: Stored::Null });
                    }
                    if let Some(value) = value {
                        self.assign(name, value)?;
                    }
                }
            }
            Statement::DeclareTable(name, table) => self.declare_table(name, table)?,
            Statement::Assign(name, value) => self.assign(name, value)?,
            Statement::Query(query) => self.query(query)?,
            Statement::Insert(insert) => self.insert(insert)?,
            Statement::Update(change) => self.update(change)?,
            Statement::Delete(change) => self.delete(change)?,
            Statement::Option(options, value) => options.iter().try_for_each(|option| self.option(option, value))?,
            Statement::Begin | Statement::Commit | Statement::Rollback => self.transaction(statement)?,
            Statement::Throw(None) => {
                let caught = self.caught.last().cloned();
                return Err(
                    caught.ok_or_else(|| error(10704, "To rethrow an error, a THROW statement must be used inside a CATCH block."))?
                );
            }
            Statement::Throw(Some((number, message))) => {
                let number = match self.evaluate(number, Some(Kind::Int))? {
                    Stored::Integer(number) if number >= 50_000 => number as u32,
                    _ => return Err(error(35100, "Error number in the THROW statement is outside the valid range.")),
                };
                return Err(error(number, self.text(message)?));
            }
            Statement::Raise(message, severity) => {
                let message = self.text(message)?;
                if let Stored::Integer(severity @ 11..) = self.evaluate(severity, Some(Kind::Int))? {
                    let mut raised = error(50000, message);
                    raised.severity = severity as u8;
                    return Err(raised);
                }
            }
            Statement::Print(value) => {
                self.evaluate(value, None)?;
            }
            Statement::Wait(delay) => {
                let delay = self.text(delay)?;
                let ticks = time::parse(&format!("1970-01-01 {delay}")).ok_or_else(|| refused("a delay that is none"))?;
                std::thread::sleep(Duration::from_micros(u64::try_from(ticks / 10).unwrap_or(0)));
            }
            Statement::Ignored => {}
            definition => self.define(definition)?,
        }
        Ok(Flow::Next)
    }

    fn holds(&self, condition: &Expr) -> Result<bool> {
        let env = self.env();
        let condition = Emitter::new(&env).condition(condition)?;
        Ok(self.single(&format!("SELECT CASE WHEN {condition} THEN 1 ELSE 0 END"))? == Stored::Integer(1))
    }

    fn repeat(&mut self, condition: &Expr, body: &Step) -> Result<Flow> {
        while self.holds(condition)? {
            match self.step(body)? {
                Flow::Break => break,
                Flow::Return => return Ok(Flow::Return),
                Flow::Next | Flow::Continue => {}
            }
        }
        Ok(Flow::Next)
    }

    fn attempt(&mut self, body: &[Step], handler: &[Step]) -> Result<Flow> {
        let failure = match self.steps(body) {
            Ok(flow) => return Ok(flow),
            // A batch that is not understood is no error that a batch may handle.
            Err(failure) if failure.number == 102 => return Err(failure),
            Err(failure) => failure,
        };
        if self.connection.is_autocommit() {
            self.transactions = 0;
        } else if self.options.abort || failure.number == 1205 || failure.number == 3960 {
            self.doomed = true;
        }
        self.caught.push(failure);
        let flow = self.steps(handler);
        self.caught.pop();
        flow
    }

    pub(super) fn assign(&mut self, name: &str, value: &Expr) -> Result<()> {
        let Some(kind) = self.frame.variables.get(name).map(|variable| variable.kind) else {
            return Err(error(137, format!("Must declare the scalar variable \"{name}\".")));
        };
        let value = self.evaluate(value, Some(kind))?;
        self.set_variable(name, value)
    }

    fn query(&mut self, query: &Query) -> Result<()> {
        let env = self.env();
        let emitted = Emitter::new(&env).query(query, false)?;
        drop(env);
        let rows = self.rows(&emitted.sql, &[])?;
        self.row_count = rows.len() as i64;
        if emitted.assigned.is_empty() {
            let columns = emitted.columns.iter();
            let columns: Vec<WireColumn> =
                columns.map(|column| WireColumn { name: column.name.clone().unwrap_or_default(), kind: column.kind.wire() }).collect();
            let kinds: Vec<Kind> = emitted.columns.iter().map(|column| column.kind).collect();
            return self.answer(columns, &kinds, rows);
        }
        for (name, value) in emitted.assigned.iter().zip(rows.into_iter().next_back().into_iter().flatten()) {
            self.set_variable(name, value)?;
        }
        Ok(())
    }

    pub(super) fn answer(&mut self, columns: Vec<WireColumn>, kinds: &[Kind], rows: super::bind::Rows) -> Result<()> {
        let mut sent = Vec::with_capacity(rows.len());
        for row in rows {
            sent.push(row.into_iter().zip(kinds).map(|(value, kind)| self.to_wire(value, *kind)).collect::<Result<_>>()?);
        }
        self.outcomes.push(Outcome::Rows { columns, rows: sent });
        Ok(())
    }

    fn declare_table(&mut self, name: &str, text: &crate::engine::ast::Table) -> Result<()> {
        let columns: Vec<Column> = text.columns.iter().zip(1..).map(|(text, number)| Column::of_text(number, text)).collect();
        let table = Table { id: 0, schema: String::new(), name: name.to_owned(), columns };
        let columns: Vec<String> = table.columns.iter().map(Column::declared).collect();
        self.connection.execute_batch(&format!("CREATE TABLE {} ({})", table.sql(), columns.join(", "))).or_server()?;
        self.frame.tables.insert(name.to_owned(), table);
        Ok(())
    }

    fn option(&mut self, option: &str, value: &str) -> Result<()> {
        let on = value == "ON";
        match option {
            "NOCOUNT" => self.options.no_count = on,
            "XACT_ABORT" => self.options.abort = on,
            "ISOLATION" => self.options.snapshot = value == "SNAPSHOT",
            "LOCK_TIMEOUT" => {
                let milliseconds: i64 = value.parse().map_err(|_| refused("a lock time-out that is no number"))?;
                self.options.lock_timeout = Some(milliseconds);
                let wait = u64::try_from(milliseconds).map_or(PATIENCE, Duration::from_millis);
                self.connection.busy_timeout(wait).or_server()?;
            }
            "IMPLICIT_TRANSACTIONS" | "NOEXEC" | "PARSEONLY" | "FMTONLY" if on => return Err(refused(format!("SET {option} ON"))),
            _ => {}
        }
        Ok(())
    }

    fn transaction(&mut self, statement: &Statement) -> Result<()> {
        self.row_count = 0;
        match statement {
            Statement::Begin => {
                if self.transactions == 0 && self.connection.is_autocommit() {
                    // Whoever may write waits for its turn here; a snapshot only reads, mostly.
                    let begin = if self.options.snapshot { "BEGIN DEFERRED" } else { "BEGIN IMMEDIATE" };
                    self.connection.execute_batch(begin).or_server()?;
                }
                self.transactions += 1;
            }
            Statement::Commit => match self.transactions {
                0 => return Err(error(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")),
                _ if self.doomed => {
                    return Err(error(
                        3930,
                        "The current transaction cannot be committed and cannot support operations that write to the log file.",
                    ));
                }
                1 => {
                    self.connection.execute_batch("COMMIT").or_server()?;
                    self.transactions = 0;
                }
                _ => self.transactions -= 1,
            },
            _ if self.transactions == 0 && self.triggers.is_empty() => {
                return Err(error(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."));
            }
            _ => self.roll_back(),
        }
        Ok(())
    }

    /// Runs a text of its own, with its own variables.
    pub(super) fn nested(&mut self, text: &str, frame: Frame) -> Result<()> {
        let steps = self.parse(text)?;
        let outer = std::mem::replace(&mut self.frame, frame);
        let result = self.steps(&steps);
        self.end_frame(outer);
        result.map(|_| ())
    }

    fn procedure(&mut self, name: &str, arguments: &[(Option<String>, Expr)]) -> Result<()> {
        match (name, arguments) {
            ("sp_executesql", [(_, text), rest @ ..]) => {
                let text = self.text(text)?;
                let mut frame = Frame::default();
                if let [(_, declared), values @ ..] = rest {
                    let declared = format!("DECLARE {}", self.text(declared)?);
                    let steps = parse::batch(&declared)?;
                    let Some(Statement::Declare(variables)) = steps.first().map(|step| &step.statement) else {
                        return Err(refused("parameters that are no declaration"));
                    };
                    for (at, (name, kind, _)) in variables.iter().enumerate() {
                        let named = values.iter().find(|(given, _)| given.as_ref() == Some(name));
                        let value = named.or_else(|| values.get(at).filter(|(given, _)| given.is_none()));
                        let (_, value) = value.ok_or_else(|| error(8178, format!("The parameter '{name}' was not supplied.")))?;
                        let value = self.evaluate(value, Some(*kind))?;
                        frame.variables.insert(name.clone(), Variable { kind: *kind, value });
                    }
                }
                self.nested(&text, frame)
            }
            ("sp_set_session_context", [(_, key), (_, value), ..]) => {
                let key = self.text(key)?.to_lowercase();
                let env = self.env();
                let value = Emitter::new(&env).value(value)?;
                let value = converted(value, Kind::NVarChar(Some(4000)))?;
                drop(env);
                match self.single(&format!("SELECT {}", value.sql))? {
                    Stored::Text(text) => self.context.insert(key, text),
                    _ => self.context.remove(&key),
                };
                Ok(())
            }
            _ => Err(refused(format!("the procedure {name}"))),
        }
    }
}
