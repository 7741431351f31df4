//! Which request means which operation: a table of methods and path templates. An existing API's paths stand in it before our own.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, Method, Uri, request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::guise::Guise;
use crate::clock::Clock;
use crate::config::{AttributeHeaders, Config, Missing, RouteAuth, RouteConfig, Segment, Template, TenantSource};

/// What can be asked, as a configured route names it.
pub use crate::config::RouteOperation as Operation;

/// One line of the table. A template's `{name}` takes one path segment, and so does its `*`.
#[derive(Clone)]
pub struct Route {
    pub method: Method,
    pub operation: Operation,
    pub config: Arc<RouteConfig>,
    /// Set where answers are to look as an existing API's do.
    pub guise: Option<Arc<Guise>>,
}

/// The API of its own that Sluss brings.
pub const DOCUMENT: &str = "/v1/tenants/{tenant}/{collection}/{id}";

pub const COLLECTION: &str = "/v1/tenants/{tenant}/{collection}";
pub const METADATA: &str = "/v1/tenants/{tenant}/{collection}/{id}/metadata";
pub const VERSIONS: &str = "/v1/tenants/{tenant}/{collection}/{id}/versions";
pub const VERSION: &str = "/v1/tenants/{tenant}/{collection}/{id}/versions/{stamp}";
pub const RESTORE: &str = "/v1/tenants/{tenant}/{collection}/{id}/versions/{stamp}/restore";

pub fn default_routes() -> Vec<Route> {
    [
        (Method::GET, DOCUMENT, Operation::Read),
        (Method::HEAD, DOCUMENT, Operation::Head),
        (Method::PUT, DOCUMENT, Operation::Write),
        (Method::DELETE, DOCUMENT, Operation::Delete),
        (Method::GET, METADATA, Operation::Metadata),
        (Method::HEAD, METADATA, Operation::Metadata),
        (Method::GET, VERSIONS, Operation::Versions),
        (Method::HEAD, VERSIONS, Operation::Versions),
        (Method::GET, VERSION, Operation::Version),
        (Method::HEAD, VERSION, Operation::Version),
        (Method::POST, RESTORE, Operation::Restore),
        (Method::POST, COLLECTION, Operation::Create),
        (Method::GET, COLLECTION, Operation::List),
        (Method::HEAD, COLLECTION, Operation::List),
    ]
    .map(|(method, template, operation)| {
        let config = RouteConfig {
            method: method.clone(),
            template: template.parse().expect("our own template is one"),
            operation,
            tenant: TenantSource::Path,
            collection: None,
            auth: RouteAuth::Tokens,
            ignore_case: false,
            missing: Missing::Problem,
            attributes: AttributeHeaders::default(),
            status: None,
            response_headers: None,
        };
        Route { method, operation, config: Arc::new(config), guise: None }
    })
    .to_vec()
}

/// The table that a process serves: configured routes in their order, then our own.
pub async fn table(config: &Config, clock: &Arc<dyn Clock>) -> Vec<Route> {
    let mut routes = Vec::new();
    for configured in &config.routes {
        let guise = Guise::of(configured, clock).await.map(Arc::new);
        let config = Arc::new(configured.clone());
        let route = |method, operation| Route { method, operation, config: Arc::clone(&config), guise: guise.clone() };
        routes.push(route(configured.method.clone(), configured.operation));
        match configured.operation {
            Operation::Read => routes.push(route(Method::HEAD, Operation::Head)),
            Operation::Metadata => routes.push(route(Method::HEAD, Operation::Metadata)),
            Operation::Versions | Operation::Version | Operation::List => routes.push(route(Method::HEAD, configured.operation)),
            Operation::Head | Operation::Write | Operation::Delete | Operation::Restore | Operation::Create => {}
        }
    }
    if config.own_api {
        routes.extend(default_routes());
    }
    routes
}

/// What the request said of its document, decoded and not yet parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    pub tenant: String,
    pub collection: String,
    pub id: String,
    pub stamp: String,
}

pub enum Matched<'a> {
    Found(&'a Route, Captured),
    /// The path is known, the method is not; these are.
    WrongMethod(Vec<Method>),
    NoSuchPath,
    /// A segment is not UTF-8 once it is decoded.
    NotText,
}

pub fn find<'a>(routes: &'a [Route], head: &request::Parts) -> Matched<'a> {
    let mut allowed = Vec::new();
    for route in routes {
        match capture(&route.config, head) {
            Capture::No => {}
            Capture::NotText => return Matched::NotText,
            Capture::Yes(captured) if route.method == head.method => return Matched::Found(route, captured),
            Capture::Yes(_) if allowed.contains(&route.method) => {}
            Capture::Yes(_) => allowed.push(route.method.clone()),
        }
    }
    if allowed.is_empty() { Matched::NoSuchPath } else { Matched::WrongMethod(allowed) }
}

/// All but the unreserved characters of RFC 3986.
pub(super) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A template with these parts put in; each takes one segment whatever it holds.
pub fn fill(template: &Template, captured: &Captured) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, SEGMENT).to_string();
    let text = |segment: &Segment| match segment {
        Segment::Literal(text) => text.clone(),
        Segment::Any => "*".to_owned(),
        Segment::Tenant => encoded(&captured.tenant),
        Segment::Collection => encoded(&captured.collection),
        Segment::Id => encoded(&captured.id),
        Segment::Stamp => encoded(&captured.stamp),
    };
    template.segments().iter().map(|segment| format!("/{}", text(segment))).collect()
}

/// Where a document is read. `None` where no route reads it by its path alone.
pub fn document_path(routes: &[Route], document: &Captured) -> Option<String> {
    let reads = |route: &&Route| {
        let RouteConfig { template, tenant, collection, .. } = &*route.config;
        let of_its_tenant = match tenant {
            TenantSource::Path => true,
            TenantSource::Constant(own) => own.as_str() == document.tenant,
            TenantSource::Host { .. } | TenantSource::Header(_) => false,
        };
        let of_its_collection = collection.as_ref().is_none_or(|own| own.as_str() == document.collection);
        route.operation == Operation::Read && !template.has_wildcard() && of_its_tenant && of_its_collection
    };
    routes.iter().find(reads).map(|route| fill(&route.config.template, document))
}

enum Capture {
    Yes(Captured),
    No,
    NotText,
}

fn capture(config: &RouteConfig, head: &request::Parts) -> Capture {
    let mut captured = Captured::default();
    let Some(path) = head.uri.path().strip_prefix('/') else { return Capture::No };
    let mut given = path.split('/');
    let mut texts = true;
    // Names of tenants are in lower case.
    let folded = |name: String| if config.ignore_case { name.to_ascii_lowercase() } else { name };
    for wanted in config.template.segments() {
        let Some(segment) = given.next().filter(|segment| !segment.is_empty()) else { return Capture::No };
        // Two spellings of one path are one path: what a caller encodes without need must not lead around the table.
        let decoded = percent_decode_str(segment).decode_utf8().ok();
        texts &= decoded.is_some();
        let text = || decoded.clone().map(Cow::into_owned).unwrap_or_default();
        match wanted {
            Segment::Literal(literal) => match &decoded {
                Some(text) if text == literal || config.ignore_case && text.eq_ignore_ascii_case(literal) => {}
                Some(_) | None => return Capture::No,
            },
            Segment::Any => {}
            Segment::Tenant => captured.tenant = folded(text()),
            Segment::Collection => captured.collection = text(),
            Segment::Id => captured.id = text(),
            Segment::Stamp => captured.stamp = text(),
        }
    }
    if given.next().is_some() {
        return Capture::No;
    }
    match tenant(&config.tenant, head) {
        Tenant::InPath => {}
        Tenant::Named(name) => captured.tenant = folded(name),
        Tenant::Elsewhere => return Capture::No,
    }
    if let Some(collection) = &config.collection {
        captured.collection = collection.as_str().to_owned();
    }
    if texts { Capture::Yes(captured) } else { Capture::NotText }
}

enum Tenant {
    InPath,
    Named(String),
    /// This request names none where the route looks for it.
    Elsewhere,
}

fn tenant(source: &TenantSource, head: &request::Parts) -> Tenant {
    let named = match source {
        TenantSource::Path => return Tenant::InPath,
        TenantSource::Constant(tenant) => Some(tenant.as_str().to_owned()),
        TenantSource::Header(name) => {
            let mut values = head.headers.get_all(name).iter();
            // Of two, another server may believe the other one.
            let only = values.next().filter(|_| values.next().is_none());
            only.and_then(|value| value.to_str().ok()).map(str::to_owned)
        }
        TenantSource::Host { before, after } => {
            let host = host(&head.uri, &head.headers).map(|host| host.to_ascii_lowercase());
            host.and_then(|host| Some(host.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?.to_owned()))
        }
    };
    named.filter(|name| !name.is_empty()).map_or(Tenant::Elsewhere, Tenant::Named)
}

/// Whom the request is for, without a port. The target's own host wins, by RFC 9112, 3.2.2.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let named = || headers.get(HOST).and_then(|host| host.to_str().ok());
    let whole = uri.authority().map(http::uri::Authority::as_str).or_else(named)?;
    let whole = whole.rsplit('@').next().unwrap_or(whole);
    Some(whole.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(whole, |(host, _)| host))
}

#[cfg(test)]
mod tests;
