//! An OpenAPI document as a list of promises, to which every answer is held.

use std::collections::BTreeSet;

use boon::{Compiler, Draft, Schemas};
use http::Method;
use serde_json::{Map, Value, json};
use sluss::client::HttpClient;

use super::house::{self, Ask, EVERYTHING, Told, ask};

/// Statuses that need a store that fails, a column of a code page, a server that is full, or minutes: other suites see to them.
const NOT_AT_WILL: [u16; 5] = [408, 422, 429, 503, 504];

pub struct Described {
    pub client: HttpClient,
    document: Value,
    /// What was seen: method, path and status.
    seen: BTreeSet<(String, String, u16)>,
}

impl Described {
    /// Fetches the document, without a token, and checks that it is OpenAPI 3.1 at all.
    pub async fn of(client: HttpClient) -> Self {
        let told = ask(&client, &Ask::new(&Method::GET, "/openapi.json").by(None)).await;
        assert_eq!((told.status, told.headers["content-type"].as_str()), (200, "application/json"));
        let document: Value = serde_json::from_slice(&told.body).unwrap();
        let meta: Value = serde_json::from_str(include_str!("openapi-3.1.schema.json")).unwrap();
        validate(&meta, &document, "the document");
        let mut described = Self { client, document, seen: BTreeSet::new() };
        described.compile_every_schema();
        described.hold(&Ask::new(&Method::GET, "/openapi.json").by(None), &told);
        described
    }

    /// Each of them is a schema, and leads to others that are there.
    fn compile_every_schema(&self) {
        for name in self.document["components"]["schemas"].as_object().unwrap().keys() {
            let _ = compiled(&self.standing_alone(&json!({ "$ref": format!("#/components/schemas/{name}") })));
        }
    }

    /// All operations, as the router's table names them.
    pub fn operations(&self) -> BTreeSet<(String, String)> {
        let mut operations = BTreeSet::new();
        for (template, item) in self.document["paths"].as_object().unwrap() {
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
            operations.extend(methods.map(|method| (method.to_uppercase(), template.clone())));
        }
        operations
    }

    /// Asks, and holds the answer to the document.
    #[track_caller]
    pub fn ask(&mut self, request: &Ask) -> impl Future<Output = Told> {
        let caller = std::panic::Location::caller();
        async move {
            let told = ask(&self.client, request).await;
            assert!(told.status < 500, "{caller}: {request:?} was answered {told:?}");
            self.hold(request, &told);
            told
        }
    }

    /// The same, with this status.
    #[track_caller]
    pub fn expect(&mut self, status: u16, request: &Ask) -> impl Future<Output = Told> {
        let caller = std::panic::Location::caller();
        let asked = self.ask(request);
        async move {
            let told = asked.await;
            assert_eq!(told.status, status, "{caller}: {request:?} was answered {}", String::from_utf8_lossy(&told.body));
            told
        }
    }

    /// Of an answer that ends only when nobody listens any more, the head is held to the document.
    pub async fn expect_a_stream(&mut self, request: &Ask) {
        let told = house::told(&house::begin(&self.client, request).await);
        assert_eq!(told.status, 200, "{request:?}");
        self.hold(request, &told);
    }

    /// Everything that was heard on a stream is an event of a kind that its operation describes, and every kind was heard.
    pub fn hold_events(&self, path: &str, heard: &str) {
        let events = heard.split("\n\n").filter_map(|block| block.strip_prefix("event: ")?.split_once("\ndata: "));
        let mut open: Vec<(&str, Value)> = events.map(|(name, data)| (name, serde_json::from_str(data).unwrap())).collect();
        let described = &self.document["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"];
        for kind in described["oneOf"].as_array().unwrap() {
            let (schemas, index) = compiled(&self.standing_alone(&kind["properties"]["data"]["contentSchema"]));
            let name = &kind["properties"]["event"]["const"];
            let (of_kind, others): (Vec<_>, Vec<_>) = open.into_iter().partition(|(known, _)| name == known);
            assert!(!of_kind.is_empty(), "no {name} was heard");
            for (_, data) in of_kind {
                schemas.validate(&data, index).unwrap_or_else(|error| panic!("{name}: {error:#} in {data}"));
            }
            open = others;
        }
        assert_eq!(open, [], "the document does not know of these");
    }

    pub fn takes_a_body(&self, method: &Method, template: &str) -> bool {
        self.document["paths"][template][method.as_str().to_lowercase()]["requestBody"].is_object()
    }

    fn has_seen(&self, method: &str, template: &str, status: u16) -> bool {
        self.seen.contains(&(method.to_owned(), template.to_owned(), status))
    }

    fn hold(&mut self, request: &Ask, told: &Told) {
        let template = self.template(&request.path);
        let operation = &self.document["paths"][&template][request.method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{request:?}: the document has no such operation");
        let promised = &operation["responses"][told.status.to_string()];
        assert!(promised.is_object(), "{request:?} was answered {told:?}, which the document does not know");
        for (name, header) in promised["headers"].as_object().unwrap() {
            let there = told.headers.contains_key(&name.to_lowercase());
            assert!(there || header["required"] != true, "{request:?}: no {name} in {told:?}");
        }
        self.hold_body(request, promised, told);
        if told.status < 300
            && let Some(body) = &request.body
        {
            self.hold_request(operation, body, request);
        }
        self.seen.insert((request.method.to_string(), template, told.status));
    }

    fn hold_body(&self, request: &Ask, promised: &Value, told: &Told) {
        let Some(content) = promised["content"].as_object() else {
            assert!(told.body.is_empty(), "{request:?}: the document knows of no body, and there is {told:?}");
            return;
        };
        let media_type = told.headers.get("content-type").unwrap_or_else(|| panic!("{request:?}: no media type in {told:?}"));
        let described = content.get(media_type).or_else(|| content.get("*/*"));
        let described = described.unwrap_or_else(|| panic!("{request:?}: {media_type} is not in the document"));
        if media_type == "application/jsonl" {
            let schema = self.standing_alone(&described["schema"]);
            for line in told.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                validate(&schema, &serde_json::from_slice(line).unwrap(), &format!("a line of {request:?}"));
            }
        }
        // A stream's schema is that of one event.
        if media_type.ends_with("json")
            && let Some(schema) = described.get("schema")
        {
            let body = serde_json::from_slice(&told.body).unwrap_or_else(|error| panic!("{request:?}: {error} in {told:?}"));
            validate(&self.standing_alone(schema), &body, &format!("{request:?}"));
        }
    }

    fn hold_request(&self, operation: &Value, body: &[u8], request: &Ask) {
        let content = operation["requestBody"]["content"].as_object().unwrap_or_else(|| panic!("{request:?}: no body is described"));
        if let Some(schema) = content.values().find_map(|described| described.get("schema")) {
            validate(&self.standing_alone(schema), &serde_json::from_slice(body).unwrap(), &format!("the body of {request:?}"));
        }
    }

    fn template(&self, path: &str) -> String {
        let path = path.split('?').next().unwrap();
        let fits = |template: &&String| {
            let same = |(wanted, given): (&str, &str)| wanted.starts_with('{') || wanted == given;
            template.split('/').count() == path.split('/').count() && template.split('/').zip(path.split('/')).all(same)
        };
        let mut found: Vec<&String> = self.document["paths"].as_object().unwrap().keys().filter(fits).collect();
        found.sort_by_key(|template| template.matches('{').count());
        found.first().unwrap_or_else(|| panic!("{path} is not in the document")).to_string()
    }

    /// A schema of the document with all that it may refer to.
    fn standing_alone(&self, schema: &Value) -> Value {
        let mut alone: Map<String, Value> = Map::new();
        alone.insert("allOf".to_owned(), json!([schema]));
        alone.insert("components".to_owned(), json!({ "schemas": self.document["components"]["schemas"] }));
        alone.into()
    }

    /// What every operation with a token refuses. `path`: of an operation, with names that are there.
    pub async fn refuses_who_may_not(&mut self, request: &Ask) {
        self.expect(401, &request.clone().by(None)).await;
        self.expect(401, &request.clone().by(Some("unknown"))).await;
        self.expect(403, &request.clone().by(Some(house::STRANGER))).await;
        assert!(request.headers.iter().any(|(_, value)| value.ends_with(EVERYTHING)), "a refusal only tells if somebody else may");
    }

    /// What the document promises and nobody has seen.
    pub fn unseen(&self) -> Vec<String> {
        let mut unseen = Vec::new();
        for (method, template) in self.operations() {
            let responses = &self.document["paths"][&template][method.to_lowercase()]["responses"];
            for status in responses.as_object().unwrap().keys().map(|status| status.parse::<u16>().unwrap()) {
                if !NOT_AT_WILL.contains(&status) && !self.has_seen(&method, &template, status) {
                    unseen.push(format!("{method} {template} {status}"));
                }
            }
        }
        unseen
    }
}

fn compiled(schema: &Value) -> (Schemas, boon::SchemaIndex) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.add_resource("https://sluss.test/schema", schema.clone()).unwrap();
    let index = compiler.compile("https://sluss.test/schema", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    (schemas, index)
}

#[track_caller]
fn validate(schema: &Value, value: &Value, what: &str) {
    let (schemas, index) = compiled(schema);
    if let Err(error) = schemas.validate(value, index) {
        panic!("{what} does not fit its schema: {error:#}\n{value:#}");
    }
}

mod this_test_itself {
    use super::*;

    #[test]
    fn sees_a_document_that_is_none_and_a_body_that_does_not_fit() {
        let meta: Value = serde_json::from_str(include_str!("openapi-3.1.schema.json")).unwrap();
        let fits = |value: &Value| {
            let (schemas, index) = compiled(&meta);
            schemas.validate(value, index).is_ok()
        };
        let sound = json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": {} });
        assert!(fits(&sound));
        for (key, wrong) in [("openapi", json!("3.0.0")), ("info", json!({})), ("paths", json!({ "no-slash": {} })), ("news", json!(1))] {
            let mut broken = sound.clone();
            broken[key] = wrong;
            assert!(!fits(&broken), "{broken}");
        }
    }
}
