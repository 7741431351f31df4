//! `[[routes]]`: an existing API's paths, and which operation on which document each of them means.

use std::fmt;
use std::str::FromStr;

use http::{HeaderName, Method, StatusCode};
use toml::de::DeValue;

use super::guise::{self, HeaderLine};
use super::section::Section;
use super::upstream::{UpstreamConfig, header_name};
use super::value::{self, Parsed};
use crate::model::id::{CollectionName, TenantId};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConfig {
    pub method: Method,
    pub template: Template,
    pub operation: RouteOperation,
    pub tenant: TenantSource,
    /// `None`: the template's `{collection}`.
    pub collection: Option<CollectionName>,
    pub auth: RouteAuth,
    /// Whether literal segments match in any case.
    pub ignore_case: bool,
    pub missing: Missing,
    pub attributes: AttributeHeaders,
    /// The status of a change that was made, in place of 201 and 204.
    pub status: Option<StatusCode>,
    /// The headers of a document's answer, in place of Sluss's own.
    pub response_headers: Option<Vec<HeaderLine>>,
}

const KNOWN_OPERATIONS: &str = "say \"read\", \"head\", \"write\", \"delete\", \"metadata\" or \"versions\" of one document, \"version\" or \"restore\" of one of its versions, \"create\" or \"list\" of a collection";

/// What can be asked of a document, or of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteOperation {
    Read,
    Head,
    Write,
    Delete,
    Metadata,
    /// The contents that it had.
    Versions,
    /// The bytes of one of them.
    Version,
    /// Makes one of them current.
    Restore,
    Create,
    List,
}

/// Where the tenant's name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantSource {
    /// In the template's `{tenant}`.
    Path,
    /// Between these two parts of the request's host, in lower case. Another host is not this route's.
    Host {
        before: String,
        after: String,
    },
    /// In this header. A request without it is not this route's.
    Header(HeaderName),
    Constant(TenantId),
}

/// Who says whether a request may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAuth {
    /// As for the built-in API: its `auth` and `[[tokens]]`.
    Tokens,
    /// The existing API, which is asked with the request's own credentials.
    Upstream,
}

/// Who answers for a document that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Problem,
    Upstream,
}

/// Where a written document's attributes stand, if not in `Content-Type` and `Content-Disposition`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttributeHeaders {
    pub media_type: Option<HeaderName>,
    pub file_name: Option<HeaderName>,
}

/// A path, segment by segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Literal(String),
    /// `*`: any one segment.
    Any,
    Tenant,
    Collection,
    Id,
    /// The name of one of a document's contents.
    Stamp,
}

impl Template {
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    fn has(&self, segment: &Segment) -> bool {
        self.0.contains(segment)
    }

    pub fn has_wildcard(&self) -> bool {
        self.has(&Segment::Any)
    }

    /// Whether every path of the other is one of this.
    fn covers(&self, other: &Self, ignore_case: bool) -> bool {
        let covers = |(own, other): (&Segment, &Segment)| match (own, other) {
            (Segment::Literal(own), Segment::Literal(other)) => own == other || ignore_case && own.eq_ignore_ascii_case(other),
            (Segment::Literal(_), _) => false,
            (Segment::Any | Segment::Tenant | Segment::Collection | Segment::Id | Segment::Stamp, _) => true,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(covers)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => write!(f, "/{text}"),
            Segment::Any => f.write_str("/*"),
            Segment::Tenant => f.write_str("/{tenant}"),
            Segment::Collection => f.write_str("/{collection}"),
            Segment::Id => f.write_str("/{id}"),
            Segment::Stamp => f.write_str("/{stamp}"),
        })
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix('/').ok_or_else(|| format!("{} is not a path: begin it with '/'", value::shown(text)))?;
        let segments = path.split('/').map(segment).collect::<Result<Vec<_>, _>>()?;
        for named in [Segment::Tenant, Segment::Collection, Segment::Id, Segment::Stamp] {
            if segments.iter().filter(|segment| **segment == named).count() > 1 {
                return Err(format!("{} names the same part of a document twice", value::shown(text)));
            }
        }
        Ok(Self(segments))
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    let sane = |b: u8| b.is_ascii_graphic() && !b"{}*?#%\\\"<>^`|".contains(&b);
    match text {
        "*" => Ok(Segment::Any),
        "{tenant}" => Ok(Segment::Tenant),
        "{collection}" => Ok(Segment::Collection),
        "{id}" => Ok(Segment::Id),
        "{stamp}" => Ok(Segment::Stamp),
        "" => Err("has an empty segment: write neither \"//\" nor a '/' at the end".to_owned()),
        _ if text.contains(['{', '}']) => Err(format!(
            "has {}, and a placeholder is a whole segment: {{tenant}}, {{collection}}, {{id}}, {{stamp}} or *",
            value::shown(text)
        )),
        "." | ".." => Err("has a segment of dots, which callers resolve before they ask".to_owned()),
        _ if text.bytes().all(sane) => Ok(Segment::Literal(text.to_owned())),
        _ => Err(format!("has {}, which is not a segment of a path without '%', '*', '?' and '#'", value::shown(text))),
    }
}

/// The routes that are right. `upstream` says what the existing API offers, `asks_tokens` what `auth` wants.
pub(super) fn read(section: &mut Section<'_>, upstream: Option<&UpstreamConfig>, asks_tokens: bool) -> Vec<RouteConfig> {
    let mut earlier: Vec<(usize, RouteConfig)> = Vec::new();
    let mut index = 0;
    section.each_of_list("routes", |section| {
        if let Some(route) = read_route(section, upstream, asks_tokens) {
            match earlier.iter().find(|(_, before)| leaves_nothing(before, &route)) {
                Some((before, _)) => section.refuse("template", format!("is never reached: routes[{before}] takes all of its requests")),
                None => earlier.push((index, route)),
            }
        }
        index += 1;
    });
    earlier.into_iter().map(|(_, route)| route).collect()
}

fn leaves_nothing(before: &RouteConfig, route: &RouteConfig) -> bool {
    let whatever_tenant = match before.tenant {
        TenantSource::Path | TenantSource::Constant(_) => true,
        TenantSource::Host { .. } | TenantSource::Header(_) => before.tenant == route.tenant,
    };
    before.method == route.method && whatever_tenant && before.template.covers(&route.template, before.ignore_case)
}

fn read_route(section: &mut Section<'_>, upstream: Option<&UpstreamConfig>, asks_tokens: bool) -> Option<RouteConfig> {
    let operation = section.required("operation", KNOWN_OPERATIONS, value::parsed::<RouteOperation>);
    let template = section.required("template", "write the path, such as \"/api/{tenant}/files/{id}\"", value::parsed::<Template>);
    let method = section.optional("method", method);
    let tenant = read_tenant(section, template.as_ref());
    let collection = read_collection(section, template.as_ref());
    let auth = section.optional("auth", value::parsed::<RouteAuth>).unwrap_or(RouteAuth::Tokens);
    if auth == RouteAuth::Upstream && upstream.is_none_or(|upstream| upstream.check.is_none()) {
        section.refuse("auth", "\"upstream\" needs [upstream.check], which says what the existing API is asked");
    }
    let ignore_case = section.flag("ignore_case", false);
    let response_headers = section.optional("response_headers", guise::lines);
    let (operation, template) = (operation?, template?);
    match (operation.is_on_one_document(), template.has(&Segment::Id)) {
        (true, false) => section.refuse("template", "has no {id}, and this operation is on one document"),
        (false, true) => section.refuse("template", "has {id}, and this operation is on a whole collection"),
        (true, true) | (false, false) => {}
    }
    match (operation.is_on_one_version(), template.has(&Segment::Stamp)) {
        (true, false) => section.refuse("template", "has no {stamp}, and this operation is on one version of a document"),
        (false, true) => section.refuse("template", "has {stamp}, and this operation is not on one version of a document"),
        (true, true) | (false, false) => {}
    }
    let asks_by_id = || upstream?.check.as_ref()?.path.as_ref().map(|path| path.has(&Segment::Id));
    if auth == RouteAuth::Upstream && !operation.is_on_one_document() && asks_by_id() == Some(true) {
        section.refuse("auth", "\"upstream\" cannot ask about a whole collection: the path of [upstream.check] has {id}");
    }
    let method = method.unwrap_or_else(|| operation.method());
    if let Some(wanted) = operation.only_method()
        && method != wanted
    {
        section.refuse("method", format!("{method} is not what reads: this operation takes {wanted} only"));
    }
    let (mut attributes, mut status, mut missing) = (AttributeHeaders::default(), None, Missing::Problem);
    if operation.has_content() {
        attributes.media_type = section.optional("media_type_header", header_name);
        attributes.file_name = section.optional("file_name_header", header_name);
        section.refuse_foreign(&["missing"], "is for operations that send no content");
    } else {
        missing = section.optional("missing", value::parsed::<Missing>).unwrap_or(Missing::Problem);
        section
            .refuse_foreign(&["media_type_header", "file_name_header"], "is for \"write\" and \"create\": it says where a request has it");
    }
    match operation {
        RouteOperation::Write | RouteOperation::Delete | RouteOperation::Restore | RouteOperation::Create => {
            status = section.optional("status", success);
        }
        RouteOperation::Read
        | RouteOperation::Head
        | RouteOperation::Metadata
        | RouteOperation::Versions
        | RouteOperation::Version
        | RouteOperation::List => {
            section.refuse_foreign(&["status"], "is for operations that change a document");
        }
    }
    if missing == Missing::Upstream && upstream.is_none() {
        section.refuse("missing", "\"upstream\" needs [upstream]");
    } else if missing == Missing::Upstream && asks_tokens && auth == RouteAuth::Tokens {
        section.refuse("missing", "\"upstream\" would show our tokens to the existing API: it needs auth = \"upstream\" here");
    }
    let (tenant, collection) = (tenant?, collection?);
    Some(RouteConfig { method, template, operation, tenant, collection, auth, ignore_case, missing, attributes, status, response_headers })
}

fn method(value: &DeValue<'_>) -> Parsed<Method> {
    let text = value::text(value)?;
    let known = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];
    known
        .into_iter()
        .find(|method| method.as_str() == text)
        .ok_or_else(|| format!("{} is not a method: say \"GET\", \"HEAD\", \"PUT\", \"POST\", \"PATCH\" or \"DELETE\"", value::shown(text)))
}

fn success(value: &DeValue<'_>) -> Parsed<StatusCode> {
    let number: u16 = value::integer(value)?;
    match StatusCode::from_u16(number) {
        // 205 and 206 say more than that something was done.
        Ok(status) if (200..=204).contains(&number) => Ok(status),
        Ok(_) | Err(_) => Err(format!("{number} does not say that a change was made: use 200 to 204")),
    }
}

fn read_tenant(section: &mut Section<'_>, template: Option<&Template>) -> Option<TenantSource> {
    let given = section.holds("tenant");
    let source = section.optional("tenant", tenant_source);
    match template.map(|template| template.has(&Segment::Tenant)) {
        Some(true) if given => {
            section.refuse("tenant", "is in the template already: leave out the one or the other");
            None
        }
        Some(true) => Some(TenantSource::Path),
        Some(false) if !given => {
            section.miss(
                "tenant",
                "write {tenant} in the template, { host = \"{tenant}.example.com\" }, { header = \"...\" } or a tenant's name",
            );
            None
        }
        Some(false) | None => source,
    }
}

fn tenant_source(value: &DeValue<'_>) -> Parsed<TenantSource> {
    let hint = "is not where a tenant stands: write { host = \"{tenant}.example.com\" }, { header = \"X-Tenant\" } or a tenant's name";
    if value.is_str() {
        return value::parsed(value).map(TenantSource::Constant);
    }
    let table = value.as_table().ok_or(hint)?;
    let mut entries = table.iter();
    let (Some((key, named)), None) = (entries.next(), entries.next()) else { return Err(hint.to_owned()) };
    match key.get_ref().as_ref() {
        "host" => host(value::text(named.get_ref())?),
        "header" => header_name(named.get_ref()).map(TenantSource::Header),
        _ => Err(hint.to_owned()),
    }
}

fn host(text: &str) -> Parsed<TenantSource> {
    let sane = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    match text.split_once("{tenant}") {
        Some((before, after)) if sane(before) && sane(after) => {
            Ok(TenantSource::Host { before: before.to_ascii_lowercase(), after: after.to_ascii_lowercase() })
        }
        Some(_) | None => Err(format!("{} is not a host with one {{tenant}} in it, and without a port", value::shown(text))),
    }
}

/// `Some(None)`: the template has it.
fn read_collection(section: &mut Section<'_>, template: Option<&Template>) -> Option<Option<CollectionName>> {
    let given = section.holds("collection");
    let collection = section.optional("collection", value::parsed::<CollectionName>);
    if template.is_some_and(|template| template.has(&Segment::Collection)) {
        if given {
            section.refuse("collection", "is in the template already: leave out the one or the other");
        }
        return Some(None);
    }
    if given { collection.map(Some) } else { Some(Some("documents".parse().expect("\"documents\" is a name"))) }
}

impl RouteOperation {
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Head,
        Self::Write,
        Self::Delete,
        Self::Metadata,
        Self::Versions,
        Self::Version,
        Self::Restore,
        Self::Create,
        Self::List,
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Head => "head",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Metadata => "metadata",
            Self::Versions => "versions",
            Self::Version => "version",
            Self::Restore => "restore",
            Self::Create => "create",
            Self::List => "list",
        }
    }

    /// Whether the right to write is asked for.
    pub const fn changes(self) -> bool {
        match self {
            Self::Read | Self::Head | Self::Metadata | Self::Versions | Self::Version | Self::List => false,
            Self::Write | Self::Delete | Self::Restore | Self::Create => true,
        }
    }

    fn method(self) -> Method {
        match self {
            Self::Read | Self::Metadata | Self::Versions | Self::Version | Self::List => Method::GET,
            Self::Head => Method::HEAD,
            Self::Write => Method::PUT,
            Self::Delete => Method::DELETE,
            Self::Restore | Self::Create => Method::POST,
        }
    }

    fn is_on_one_document(self) -> bool {
        match self {
            Self::Read | Self::Head | Self::Write | Self::Delete | Self::Metadata | Self::Versions | Self::Version | Self::Restore => true,
            Self::Create | Self::List => false,
        }
    }

    fn is_on_one_version(self) -> bool {
        match self {
            Self::Version | Self::Restore => true,
            Self::Read | Self::Head | Self::Write | Self::Delete | Self::Metadata | Self::Versions | Self::Create | Self::List => false,
        }
    }

    fn has_content(self) -> bool {
        match self {
            Self::Write | Self::Create => true,
            Self::Read | Self::Head | Self::Delete | Self::Metadata | Self::Versions | Self::Version | Self::Restore | Self::List => false,
        }
    }

    /// What reads is safe in HTTP's sense, and only these methods say so.
    fn only_method(self) -> Option<Method> {
        match self {
            Self::Read | Self::Head | Self::Metadata | Self::Versions | Self::Version | Self::List => Some(self.method()),
            Self::Write | Self::Delete | Self::Restore | Self::Create => None,
        }
    }
}

impl FromStr for RouteOperation {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{} is not known: {KNOWN_OPERATIONS}", value::shown(text));
        Self::ALL.into_iter().find(|operation| operation.label() == text).ok_or_else(unknown)
    }
}

impl FromStr for RouteAuth {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tokens" => Ok(Self::Tokens),
            "upstream" => Ok(Self::Upstream),
            _ => Err(format!("{} is not known: say \"tokens\" or \"upstream\"", value::shown(text))),
        }
    }
}

impl FromStr for Missing {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "problem" => Ok(Self::Problem),
            "upstream" => Ok(Self::Upstream),
            _ => Err(format!("{} is not known: say \"problem\" or \"upstream\"", value::shown(text))),
        }
    }
}
