//! What a listener serves, described as OpenAPI 3.1. The schemas come from the types that the code itself reads and writes; the
//! operations come from the routers' own tables. It knows of no listener: each describes its own.

mod document;

use http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

pub use self::document::document;

/// Where each listener serves its document. It tells of no tenant and no store, and needs no token.
pub const PATH: &str = "/openapi.json";

/// A type's schema. What it refers to is collected among the document's components.
pub type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

pub fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What all operations of one listener share.
pub struct Api {
    pub title: &'static str,
    pub description: &'static str,
    /// Every name of its paths.
    pub path_parameters: &'static [PathParameter],
    /// Headers that every request may have.
    pub request_headers: Vec<Parameter>,
    pub problem: MakeSchema,
}

/// What stands for a template's `{name}`.
#[derive(Debug, Clone, Copy)]
pub struct PathParameter {
    pub name: &'static str,
    pub description: &'static str,
    /// A regular expression that every name has to match, where there is one.
    pub pattern: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Query,
    Header,
}

#[derive(Debug, Clone)]
pub struct Parameter {
    place: Place,
    name: &'static str,
    description: &'static str,
    schema: Value,
}

impl Parameter {
    pub fn header(name: &'static str, description: &'static str) -> Self {
        Self { place: Place::Header, name, description, schema: text() }
    }

    /// The same, where longer ones are refused.
    pub fn short_header(name: &'static str, description: &'static str, max_length: usize) -> Self {
        Self { place: Place::Header, name, description, schema: json!({ "type": "string", "maxLength": max_length }) }
    }

    pub fn query(name: &'static str, description: &'static str, schema: Value) -> Self {
        Self { place: Place::Query, name, description, schema }
    }
}

/// Bodies of one media type. `None`: bytes, of which nothing more can be said.
#[derive(Clone)]
pub struct Content {
    media_type: &'static str,
    schema: Option<MakeSchema>,
}

pub fn json_of<T: JsonSchema>() -> Content {
    Content { media_type: "application/json", schema: Some(schema::<T>) }
}

/// A stream of server-sent events, each of which is of one of these kinds. OpenAPI 3.1 has no word for streams: the schema is that of one
/// event with its fields, as `itemSchema` of 3.2 has it.
pub fn events_of(media_type: &'static str, schema: MakeSchema) -> Content {
    Content { media_type, schema: Some(schema) }
}

/// The schema of one kind of event, by its name, whose data is JSON of this type.
pub fn event_of<T: JsonSchema>(name: &str, generator: &mut SchemaGenerator) -> Value {
    let data = json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": generator.subschema_for::<T>() });
    json!({ "type": "object", "required": ["event", "data"], "properties": { "event": { "const": name }, "data": data } })
}

pub fn bytes_of(media_type: &'static str) -> Content {
    Content { media_type, schema: None }
}

pub fn text() -> Value {
    json!({ "type": "string" })
}

pub fn number(from: u64, to: u64) -> Value {
    json!({ "type": "integer", "minimum": from, "maximum": to })
}

pub fn one_of(values: &[&str]) -> Value {
    json!({ "type": "string", "enum": values })
}

/// A header of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    pub name: &'static str,
    pub description: &'static str,
    /// Whether every answer has it that names it.
    pub always: bool,
}

#[derive(Clone)]
struct Answer {
    status: StatusCode,
    description: &'static str,
    content: Vec<Content>,
    headers: Vec<Header>,
}

/// One operation of a listener.
#[derive(Clone)]
pub struct Operation {
    /// Unique among a listener's operations, but for one that GET and HEAD share.
    id: &'static str,
    summary: &'static str,
    description: Option<&'static str>,
    needs_token: bool,
    parameters: Vec<Parameter>,
    takes: Vec<Content>,
    answers: Vec<Answer>,
    refusals: Vec<StatusCode>,
}

impl Operation {
    pub fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            description: None,
            needs_token: true,
            parameters: Vec::new(),
            takes: Vec::new(),
            answers: Vec::new(),
            refusals: Vec::new(),
        }
    }

    pub fn described(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    pub fn without_token(mut self) -> Self {
        self.needs_token = false;
        self
    }

    pub fn with(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    pub fn takes(mut self, content: Content) -> Self {
        self.takes.push(content);
        self
    }

    pub fn answers(self, status: StatusCode, description: &'static str, content: impl IntoIterator<Item = Content>) -> Self {
        self.answers_with(status, description, content, &[])
    }

    pub fn answers_with(
        mut self,
        status: StatusCode,
        description: &'static str,
        content: impl IntoIterator<Item = Content>,
        headers: &[Header],
    ) -> Self {
        self.answers.push(Answer { status, description, content: content.into_iter().collect(), headers: headers.to_vec() });
        self
    }

    /// Answers with a problem. A status that is told of already, with another body, has both.
    pub fn refuses(mut self, statuses: &[StatusCode]) -> Self {
        self.refusals.extend(statuses);
        self
    }
}
