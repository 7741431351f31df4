//! Which request means which operation: a table of methods and path templates, so that an existing API's paths can be put in its place.

use http::Method;
use percent_encoding::percent_decode_str;

/// What can be asked of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Read,
    Head,
    Write,
    Delete,
}

impl Operation {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Head => "head",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }

    /// Whether the right to write is asked for.
    pub const fn changes(self) -> bool {
        match self {
            Self::Read | Self::Head => false,
            Self::Write | Self::Delete => true,
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

pub fn default_routes() -> Vec<Route> {
    [(Method::GET, Operation::Read), (Method::HEAD, Operation::Head), (Method::PUT, Operation::Write), (Method::DELETE, Operation::Delete)]
        .map(|(method, operation)| Route { method, template: DOCUMENT, operation })
        .to_vec()
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
        for path in ["/", "/v1/tenants/acme/documents", "/v1/tenants/acme/documents/", "/v1/tenants//documents/1", "/v1/tenants/a/b/c/d"] {
            assert_eq!(lookup(&Method::GET, path), Matched::NoSuchPath, "{path}");
        }
        assert_eq!(lookup(&Method::GET, "/v1/tenants/acme/documents/%ff"), Matched::NotText);
    }

    proptest! {
        #[test]
        fn no_path_panics(path in ".{0,120}") {
            lookup(&Method::GET, &path);
        }
    }
}
