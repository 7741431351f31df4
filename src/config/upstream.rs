//! `[upstream]`: the existing API that the gateway stands in front of, and how it is spoken to.

use std::path::PathBuf;
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, Method, Uri};
use toml::de::DeValue;

use super::routes::Template;
use super::section::Section;
use super::value::{self, Parsed};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Nothing is ever sent anywhere else.
    pub scheme: Scheme,
    /// Host, and port where the scheme's own is not meant.
    pub authority: Authority,
    /// Roots that are trusted instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// With the TLS handshake.
    pub connect_timeout: Duration,
    /// From the end of a request to the beginning of its answer.
    pub first_byte_timeout: Duration,
    /// Between two portions of a body, in either direction.
    pub idle_timeout: Duration,
    /// For how long an upgraded connection may be silent in both directions.
    pub tunnel_idle_timeout: Duration,
    /// Requests at once, upgraded connections included.
    pub connections: usize,
    /// Whether requests say for whom they are passed on, by RFC 7239.
    pub forwarded: bool,
    pub check: Option<CheckConfig>,
}

/// What is asked of the existing API before a request with its credentials is served here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckConfig {
    pub method: Method,
    /// `None`: the request's own.
    pub path: Option<Template>,
    /// What bears credentials beside `Authorization` and `Cookie`.
    pub headers: Vec<HeaderName>,
    /// For how long a yes holds.
    pub remember: Option<Duration>,
}

/// `None` where there is none, or beside a problem.
pub(super) fn read(section: &mut Section<'_>) -> Option<UpstreamConfig> {
    if !section.holds("upstream") {
        section.section("upstream", |_| ());
        return None;
    }
    section.section("upstream", read_upstream)
}

fn read_upstream(section: &mut Section<'_>) -> Option<UpstreamConfig> {
    let file = section.file();
    let origin = section.required("url", "name the existing API, such as \"http://127.0.0.1:5000\"", origin);
    let ca_file = section.optional("ca_file", |value| value::path_beside(file, value::text(value)?));
    let check = section.holds("check").then(|| section.section("check", read_check));
    if check.is_none() {
        section.section("check", |_| ());
    }
    let (scheme, authority) = origin?;
    Some(UpstreamConfig {
        scheme,
        authority,
        ca_file,
        connect_timeout: section.duration("connect_timeout", 3 * SECOND, 10 * MS..=HOUR),
        first_byte_timeout: section.duration("first_byte_timeout", 60 * SECOND, 10 * MS..=DAY),
        idle_timeout: section.duration("idle_timeout", 60 * SECOND, 10 * MS..=DAY),
        tunnel_idle_timeout: section.duration("tunnel_idle_timeout", HOUR, 10 * MS..=7 * DAY),
        connections: section.count("connections", 256, 1..=100_000),
        forwarded: section.flag("forwarded", true),
        check: check.flatten(),
    })
}

/// What was written is repeated only where it cannot hold a password.
fn origin(value: &DeValue<'_>) -> Parsed<(Scheme, Authority)> {
    let text = value::text(value)?;
    if text.contains('@') {
        return Err("holds a name or a password: credentials are the callers' own".to_owned());
    }
    let hint = format!("{} is not an address such as \"http://127.0.0.1:5000\" or \"https://api.example.com\"", value::shown(text));
    let parts = text.parse::<Uri>().map_err(|_| hint.clone())?.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else { return Err(hint) };
    if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
        return Err(hint);
    }
    if parts.path_and_query.as_ref().is_some_and(|path| path.as_str() != "/") {
        return Err(format!("{} has a path: requests keep their own, so name only the host", value::shown(text)));
    }
    Ok((scheme, authority))
}

fn read_check(section: &mut Section<'_>) -> Option<CheckConfig> {
    let method = section.optional("method", check_method).unwrap_or(Method::HEAD);
    let path = section.required("path", "say \"same\" or write a template", check_path);
    let headers = section.optional("headers", header_names).unwrap_or_default();
    let remember = section.duration_or_none("remember", MS..=HOUR);
    Some(CheckConfig { method, path: path?, headers, remember })
}

fn check_method(value: &DeValue<'_>) -> Parsed<Method> {
    match value::text(value)? {
        "HEAD" => Ok(Method::HEAD),
        "GET" => Ok(Method::GET),
        other => Err(format!("{} is not for checks, which must change nothing: say \"HEAD\" or \"GET\"", value::shown(other))),
    }
}

fn check_path(value: &DeValue<'_>) -> Parsed<Option<Template>> {
    match value::text(value)? {
        "same" => Ok(None),
        text => {
            let template: Template = text.parse()?;
            let nameless = "holds \"*\", for which there would be nothing to put in its place";
            if template.has_wildcard() { Err(nameless.to_owned()) } else { Ok(Some(template)) }
        }
    }
}

fn header_names(value: &DeValue<'_>) -> Parsed<Vec<HeaderName>> {
    let items = value.as_array().ok_or_else(|| format!("needs a list of header names, found {}", value.type_str()))?;
    items.iter().map(|item| header_name(item.get_ref())).collect()
}

pub(super) fn header_name(value: &DeValue<'_>) -> Parsed<HeaderName> {
    let text = value::text(value)?;
    text.parse().map_err(|_| format!("{} is not the name of a header", value::shown(text)))
}

impl UpstreamConfig {
    /// The address of a path there.
    pub fn uri(&self, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).expect("a scheme, an authority and a path are an address")
    }
}
