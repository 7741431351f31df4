//! Which request means which operation: a table of methods and path templates, so that an existing API's paths can be put in its place.

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What can be asked of a document, or of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Read,
    Head,
    Write,
    Delete,
    Metadata,
    Create,
    List,
}

impl Operation {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Head => "head",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Metadata => "metadata",
            Self::Create => "create",
            Self::List => "list",
        }
    }

    /// Whether the right to write is asked for.
    pub const fn changes(self) -> bool {
        match self {
            Self::Read | Self::Head | Self::Metadata | Self::List => false,
            Self::Write | Self::Delete | Self::Create => true,
        }
    }
}

/// One line of the table. A template's `{name}` takes one path segment.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: Method,
    pub template: &'static str,
    pub operation: Operation,
}

/// The API of its own that Sluss brings.
pub const DOCUMENT: &str = "/v1/tenants/{tenant}/{collection}/{id}";

pub const COLLECTION: &str = "/v1/tenants/{tenant}/{collection}";
pub const METADATA: &str = "/v1/tenants/{tenant}/{collection}/{id}/metadata";

pub fn default_routes() -> Vec<Route> {
    [
        (Method::GET, DOCUMENT, Operation::Read),
        (Method::HEAD, DOCUMENT, Operation::Head),
        (Method::PUT, DOCUMENT, Operation::Write),
        (Method::DELETE, DOCUMENT, Operation::Delete),
        (Method::GET, METADATA, Operation::Metadata),
        (Method::HEAD, METADATA, Operation::Metadata),
        (Method::POST, COLLECTION, Operation::Create),
        (Method::GET, COLLECTION, Operation::List),
        (Method::HEAD, COLLECTION, Operation::List),
    ]
    .map(|(method, template, operation)| Route { method, template, operation })
    .to_vec()
}

/// All but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a document is read: what a request's path would have said, spelled as a path. `None` where no route reads documents.
pub fn document_path(routes: &[Route], said: &Captured) -> Option<String> {
    let route = routes.iter().find(|route| route.operation == Operation::Read)?;
    let segments = route.template.split('/').map(|segment| match segment {
        "{tenant}" => utf8_percent_encode(&said.tenant, SEGMENT).to_string(),
        "{collection}" => utf8_percent_encode(&said.collection, SEGMENT).to_string(),
        "{id}" => utf8_percent_encode(&said.id, SEGMENT).to_string(),
        literal => literal.to_owned(),
    });
    Some(segments.collect::<Vec<_>>().join("/"))
}

/// What the path's segments said, decoded and not yet parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    pub tenant: String,
    pub collection: String,
    pub id: String,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Matched {
    Found(Operation, Captured),
    /// The path is known, the method is not; these are.
    WrongMethod(Vec<Method>),
    NoSuchPath,
    /// A segment is not UTF-8 once it is decoded.
    NotText,
}

pub fn find(routes: &[Route], method: &Method, path: &str) -> Matched {
    let mut allowed = Vec::new();
    for route in routes {
        match capture(route.template, path) {
            Capture::No => {}
            Capture::NotText => return Matched::NotText,
            Capture::Yes(captured) if route.method == *method => return Matched::Found(route.operation, captured),
            Capture::Yes(_) => allowed.push(route.method.clone()),
        }
    }
    if allowed.is_empty() { Matched::NoSuchPath } else { Matched::WrongMethod(allowed) }
}

enum Capture {
    Yes(Captured),
    No,
    NotText,
}

fn capture(template: &str, path: &str) -> Capture {
    let mut captured = Captured::default();
    let mut given = path.split('/');
    for wanted in template.split('/') {
        let Some(segment) = given.next() else { return Capture::No };
        let slot = match wanted {
            "{tenant}" => &mut captured.tenant,
            "{collection}" => &mut captured.collection,
            "{id}" => &mut captured.id,
            literal if literal == segment => continue,
            _ => return Capture::No,
        };
        if segment.is_empty() {
            return Capture::No;
        }
        match percent_decode_str(segment).decode_utf8() {
            Ok(text) => *slot = text.into_owned(),
            Err(_) => return Capture::NotText,
        }
    }
    if given.next().is_some() { Capture::No } else { Capture::Yes(captured) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lookup(method: &Method, path: &str) -> Matched {
        find(&default_routes(), method, path)
    }

    #[test]
    fn a_document_path_names_its_parts_decoded() {
        let captured = Captured { tenant: "acme".into(), collection: "documents".into(), id: "a/b å".into() };
        assert_eq!(lookup(&Method::GET, "/v1/tenants/acme/documents/a%2Fb%20%C3%A5"), Matched::Found(Operation::Read, captured));
    }

    #[test]
    fn a_known_path_with_another_method_says_which_are_allowed() {
        let Matched::WrongMethod(allowed) = lookup(&Method::PATCH, "/v1/tenants/acme/documents/1") else { panic!("not refused") };
        assert_eq!(allowed, [Method::GET, Method::HEAD, Method::PUT, Method::DELETE]);
    }

    #[test]
    fn other_paths_are_unknown() {
        for path in ["/", "/v1/tenants/acme", "/v1/tenants/acme/documents/", "/v1/tenants//documents/1", "/v1/tenants/a/b/c/d"] {
            assert_eq!(lookup(&Method::GET, path), Matched::NoSuchPath, "{path}");
        }
        assert_eq!(lookup(&Method::GET, "/v1/tenants/acme/documents/%ff"), Matched::NotText);
    }

    #[test]
    fn a_collection_is_listed_and_takes_new_documents() {
        let captured = Captured { tenant: "acme".into(), collection: "documents".into(), id: String::new() };
        for (method, operation) in [(Method::GET, Operation::List), (Method::HEAD, Operation::List), (Method::POST, Operation::Create)] {
            assert_eq!(lookup(&method, "/v1/tenants/acme/documents"), Matched::Found(operation, captured.clone()));
        }
    }

    #[test]
    fn metadata_is_a_segment_after_the_id_and_an_id_may_be_called_so() {
        let captured = |id: &str| Captured { tenant: "acme".into(), collection: "documents".into(), id: id.into() };
        let path = "/v1/tenants/acme/documents/a/metadata";
        assert_eq!(lookup(&Method::GET, path), Matched::Found(Operation::Metadata, captured("a")));
        let path = "/v1/tenants/acme/documents/a%2Fmetadata";
        assert_eq!(lookup(&Method::GET, path), Matched::Found(Operation::Read, captured("a/metadata")));
    }

    proptest! {
        #[test]
        fn a_documents_path_leads_back_to_its_id(id in "\\PC{1,40}") {
            let captured = Captured { tenant: "acme".into(), collection: "documents".into(), id };
            let path = document_path(&default_routes(), &captured).unwrap();
            prop_assert!(path.is_ascii());
            prop_assert_eq!(lookup(&Method::GET, &path), Matched::Found(Operation::Read, captured));
        }

        #[test]
        fn no_path_panics(path in ".{0,120}") {
            lookup(&Method::GET, &path);
        }
    }
}
