//! From operations to the document's text.

use http::{Method, StatusCode};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Answer, Api, Content, Header, Operation, Parameter, PathParameter, Place};

/// Headers of every answer, and of refusals by their status.
const ALWAYS: Header = Header { name: "X-Request-Id", description: "Finds the request in the log.", always: true };
const RETRY_AFTER: Header = Header { name: "Retry-After", description: "Seconds after which to try again.", always: true };
const WWW_AUTHENTICATE: Header = Header { name: "WWW-Authenticate", description: "`Bearer`.", always: true };

/// The listener's document as JSON. Two operations of one path and method, or a path with a name that `api` does not explain, are
/// mistakes of the program.
pub fn document<'a>(api: &Api, operations: impl IntoIterator<Item = (&'a Method, String, Operation)>) -> String {
    let mut writer = Writer::new(api);
    let mut paths = Map::new();
    for (method, template, operation) in operations {
        let parameters = path_parameters(api, &template);
        let item = paths.entry(&template).or_insert_with(|| json!({ "parameters": parameters }));
        let written = writer.operation(method, &operation);
        let before = item.as_object_mut().and_then(|item| item.insert(method.as_str().to_lowercase(), written));
        assert!(before.is_none(), "{method} {template} is there twice");
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": api.title,
            "description": api.description,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/", "description": "The listener that serves this document." }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": TOKEN } },
            "schemas": writer.schemas(),
        },
    });
    document.to_string()
}

const TOKEN: &str = "A token of the configuration. With `auth = \"none\"`, none is asked for.";

/// Schemas of what is read and of what is written differ in what may be left out.
struct Writer<'a> {
    api: &'a Api,
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl<'a> Writer<'a> {
    fn new(api: &'a Api) -> Self {
        let settings = || {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings
        };
        Self { api, read: settings().for_deserialize().into_generator(), written: settings().for_serialize().into_generator() }
    }

    /// A type on both ways has to have one schema.
    fn schemas(&mut self) -> Map<String, Value> {
        let mut schemas = self.written.take_definitions(true);
        for (name, schema) in self.read.take_definitions(true) {
            let other = schemas.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*other, schema, "{name} is read otherwise than it is written");
        }
        schemas
    }

    fn operation(&mut self, method: &Method, operation: &Operation) -> Value {
        let parameters: Vec<Value> = operation.parameters.iter().chain(&self.api.request_headers).map(parameter).collect();
        let id = if *method == Method::HEAD { format!("{}Head", operation.id) } else { operation.id.to_owned() };
        let mut written = json!({
            "operationId": id,
            "summary": operation.summary,
            "parameters": parameters,
            "responses": self.responses(method, operation),
        });
        if let Some(description) = operation.description {
            written["description"] = description.into();
        }
        if !operation.needs_token {
            written["security"] = json!([]);
        }
        if !operation.takes.is_empty() {
            written["requestBody"] = json!({ "required": true, "content": content(&mut self.read, &operation.takes) });
        }
        written
    }

    fn responses(&mut self, method: &Method, operation: &Operation) -> Map<String, Value> {
        let problem = [Content { media_type: "application/problem+json", schema: Some(self.api.problem) }];
        let mut answers = operation.answers.clone();
        for status in &operation.refusals {
            match answers.iter_mut().find(|answer| answer.status == *status) {
                Some(answer) => answer.content.extend(problem.clone()),
                None => {
                    let description = status.canonical_reason().unwrap_or("Refused");
                    let headers = header_of_refusal(*status).into_iter().collect();
                    answers.push(Answer { status: *status, description, content: problem.to_vec(), headers });
                }
            }
        }
        answers.sort_by_key(|answer| answer.status);
        let has_bodies = *method != Method::HEAD;
        answers.iter().map(|answer| (answer.status.as_str().to_owned(), self.answer(answer, has_bodies))).collect()
    }

    fn answer(&mut self, answer: &Answer, has_body: bool) -> Value {
        let headers: Map<String, Value> = answer.headers.iter().copied().chain([ALWAYS]).map(header).collect();
        let mut written = json!({ "description": answer.description, "headers": headers });
        if has_body && !answer.content.is_empty() {
            written["content"] = content(&mut self.written, &answer.content);
        }
        written
    }
}

fn header_of_refusal(status: StatusCode) -> Option<Header> {
    match status {
        StatusCode::UNAUTHORIZED => Some(WWW_AUTHENTICATE),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Some(RETRY_AFTER),
        _ => None,
    }
}

fn content(generator: &mut SchemaGenerator, content: &[Content]) -> Value {
    let entry = |one: &Content| {
        let described = one.schema.map_or_else(|| json!({}), |make| json!({ "schema": make(generator) }));
        (one.media_type.to_owned(), described)
    };
    content.iter().map(entry).collect::<Map<String, Value>>().into()
}

fn header(header: Header) -> (String, Value) {
    let described = json!({ "description": header.description, "required": header.always, "schema": { "type": "string" } });
    (header.name.to_owned(), described)
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({ "name": parameter.name, "in": place, "description": parameter.description, "schema": parameter.schema })
}

fn path_parameters(api: &Api, template: &str) -> Vec<Value> {
    let names = template.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let described = names.map(|name| {
        let known = api.path_parameters.iter().find(|known| known.name == name);
        let PathParameter { name, description, pattern } = known.expect("a listener explains the names in its own paths");
        let mut schema = json!({ "type": "string", "minLength": 1 });
        if let Some(pattern) = pattern {
            schema["pattern"] = (*pattern).into();
        }
        json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
    });
    described.collect()
}
