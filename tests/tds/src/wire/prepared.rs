//! What a procedure call means: a batch with parameters, a statement to keep, or both.

use std::collections::HashMap;

use super::declaration::{self, Declared};
use super::rpc::{Argument, Procedure, Rpc};
use crate::value::{Parameter, ServerError, Type, Value};

/// The statements that a connection has prepared.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    statements: HashMap<i64, Statement>,
    last: i64,
}

#[derive(Debug, Clone)]
struct Statement {
    text: String,
    declared: Vec<Declared>,
}

#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) batch: Option<(String, Vec<Parameter>)>,
    /// Goes back to the client as the value of its first parameter.
    pub(crate) handle: Option<i64>,
}

impl Prepared {
    pub(crate) fn work(&mut self, call: Rpc) -> Result<Work, ServerError> {
        let mut arguments = call.arguments.into_iter();
        match call.procedure {
            Procedure::ExecuteSql => {
                let text = text(arguments.next(), "sp_executesql")?;
                let statement = Statement { text, declared: declared(arguments.next())? };
                Ok(Work { batch: Some(statement.with(arguments)?), handle: None })
            }
            Procedure::Prepare | Procedure::PrepExec => {
                let executes = call.procedure == Procedure::PrepExec;
                // The handle that is to be made.
                arguments.next();
                let declared = declared(arguments.next())?;
                let statement = Statement { text: text(arguments.next(), "sp_prepare")?, declared };
                let batch = if executes { Some(statement.with(arguments)?) } else { None };
                self.last += 1;
                self.statements.insert(self.last, statement);
                Ok(Work { batch, handle: Some(self.last) })
            }
            Procedure::Execute => {
                let handle = handle(arguments.next())?;
                let statement = self.statements.get(&handle).ok_or_else(|| not_prepared(handle))?;
                Ok(Work { batch: Some(statement.with(arguments)?), handle: None })
            }
            Procedure::Unprepare => {
                let handle = handle(arguments.next())?;
                self.statements.remove(&handle).ok_or_else(|| not_prepared(handle))?;
                Ok(Work::default())
            }
            Procedure::Other(name) => Err(error(2812, format!("Could not find stored procedure '{name}'."))),
        }
    }

    /// A reset connection has forgotten them.
    pub(crate) fn clear(&mut self) {
        self.statements.clear();
    }
}

impl Statement {
    fn with(&self, arguments: impl Iterator<Item = Argument>) -> Result<(String, Vec<Parameter>), ServerError> {
        let mut parameters = Vec::new();
        for (at, argument) in arguments.enumerate() {
            // By name where the client gives one, else by place.
            let declared = if argument.name.is_empty() {
                self.declared.get(at)
            } else {
                self.declared.iter().find(|declared| declared.name.eq_ignore_ascii_case(&argument.name))
            };
            let Some(declared) = declared else {
                return Err(error(8145, format!("{} is not a parameter for procedure sp_executesql.", argument.name)));
            };
            // The declaration decides, as in SQL Server: a NULL may come without a type.
            let kind = declared.kind.clone().or(argument.kind).unwrap_or(Type::NVarChar(Some(1)));
            parameters.push(Parameter { name: declared.name.clone(), kind, value: argument.value });
        }
        if let Some(missing) = self.declared.get(parameters.len()) {
            return Err(error(8178, format!("The parameterized query expects the parameter '{}', which was not supplied.", missing.name)));
        }
        Ok((self.text.clone(), parameters))
    }
}

fn text(argument: Option<Argument>, procedure: &str) -> Result<String, ServerError> {
    match argument.map(|argument| argument.value) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(error(214, format!("Procedure '{procedure}' expects parameter '@statement' of type 'ntext/nchar/nvarchar'."))),
    }
}

/// A client without parameters may leave the declarations out, or send NULL for them.
fn declared(argument: Option<Argument>) -> Result<Vec<Declared>, ServerError> {
    match argument.map(|argument| argument.value) {
        Some(Value::Text(declarations)) => Ok(declaration::parse(&declarations)),
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(_) => Err(error(214, "Procedure expects parameter '@params' of type 'ntext/nchar/nvarchar'.".to_owned())),
    }
}

fn handle(argument: Option<Argument>) -> Result<i64, ServerError> {
    match argument.map(|argument| argument.value) {
        Some(Value::Int(handle)) => Ok(handle),
        _ => Err(error(214, "Procedure expects parameter '@handle' of type 'int'.".to_owned())),
    }
}

fn not_prepared(handle: i64) -> ServerError {
    error(8179, format!("Could not find prepared statement with handle {handle}."))
}

fn error(number: u32, message: String) -> ServerError {
    ServerError { number, severity: 16, state: 1, message }
}
