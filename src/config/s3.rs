//! A placement on an S3-compatible store: how one bucket is reached. Every key is named here, and explained in
//! `gateway-config/tenants/hooli.toml`. A secret never stands in a file of the configuration.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use toml::de::DeValue;

use super::secret::{self, SecretSource};
use super::section::Section;
use super::value::{self, GIB, MIB, Parsed};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Keys that a placement in a folder cannot have.
const OWN_KEYS: [&str; 17] = [
    "s3",
    "bucket",
    "region",
    "path_style",
    "credentials",
    "access_key",
    "secret_key",
    "session_token",
    "ca_file",
    "connect_timeout",
    "first_byte_timeout",
    "idle_timeout",
    "timeout",
    "attempts",
    "part_size",
    "parallel_parts",
    "concurrency",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Config {
    /// With scheme and port; `http` on loopback only.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// The bucket in the path instead of in the host's name.
    pub path_style: bool,
    pub credentials: S3Credentials,
    /// Roots that are trusted instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    pub connect_timeout: Duration,
    /// From the end of a request to the beginning of its answer.
    pub first_byte_timeout: Duration,
    /// Between two portions of an answer.
    pub idle_timeout: Duration,
    /// For one call, its retries included; for an upload: without progress.
    pub timeout: Duration,
    /// Of one request, the first included.
    pub attempts: u32,
    /// Longer content goes up in parts of this size.
    pub part_bytes: u64,
    pub parallel_parts: usize,
    /// Requests at once from this process to this endpoint.
    pub concurrency: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Credentials {
    /// The SDK's own chain: environment, profile, web identity, container, instance.
    Chain,
    Keys {
        access_key: SecretSource,
        secret_key: SecretSource,
        session_token: Option<SecretSource>,
    },
}

/// Whether a section names a placement on S3.
pub(super) fn is_meant(section: &Section<'_>) -> bool {
    section.holds("s3") || section.holds("bucket")
}

/// In a section of a folder: refuses what only S3 takes.
pub(super) fn refuse_keys(section: &mut Section<'_>) {
    section.refuse_foreign(&OWN_KEYS, "is for an S3-compatible store, which is named as s3, and there is none here");
}

/// `None` only beside a problem.
pub(super) fn read(section: &mut Section<'_>) -> Option<Box<S3Config>> {
    let file = section.file();
    section.refuse_foreign(&["disk"], "is for a folder, and this placement is a bucket: leave out the one or the other");
    let endpoint = section.required("s3", "name the endpoint, such as \"https://s3.example.com\"", endpoint);
    let bucket = section.required("bucket", "name the bucket", bucket);
    let region = section.optional("region", region).unwrap_or_else(|| "us-east-1".to_owned());
    let path_style = section.flag("path_style", true);
    if let (false, Some(endpoint), Some(bucket)) = (path_style, &endpoint, &bucket)
        && let Some(reason) = no_virtual_host(endpoint, bucket)
    {
        section.refuse("path_style", format!("false puts the bucket in front of the host's name, and {reason}"));
    }
    let credentials = read_credentials(section);
    let ca_file = section.optional("ca_file", |value| value::path_beside(file, value::text(value)?));
    let mut duration = |key, default| section.duration(key, default, 10 * MS..=HOUR);
    let connect_timeout = duration("connect_timeout", 3 * SECOND);
    let first_byte_timeout = duration("first_byte_timeout", 10 * SECOND);
    let idle_timeout = duration("idle_timeout", 10 * SECOND);
    let timeout = duration("timeout", 60 * SECOND);
    for part in [("connect_timeout", connect_timeout), ("first_byte_timeout", first_byte_timeout), ("idle_timeout", idle_timeout)] {
        section.ordered(part, ("timeout", timeout));
    }
    let attempts = section.count("attempts", 4, 1..=20);
    // Even the smallest parts reach the largest document long before S3's 10,000 parts.
    let part_bytes = section.bytes("part_size", 5 * MIB, 5 * MIB..=GIB);
    let parallel_parts = section.count("parallel_parts", 4, 1..=64);
    let concurrency = section.count("concurrency", 128, 1..=10_000);
    Some(Box::new(S3Config {
        endpoint: endpoint?.text,
        region,
        bucket: bucket?,
        path_style,
        credentials: credentials?,
        ca_file,
        connect_timeout,
        first_byte_timeout,
        idle_timeout,
        timeout,
        attempts,
        part_bytes,
        parallel_parts,
        concurrency,
    }))
}

const SOURCE_HINT: &str = "write { file = \"...\" } or { env = \"...\" }";

/// The chain has to be asked for: credentials that happen to lie about, another tenant's perhaps, are not to be used because a line is missing.
fn read_credentials(section: &mut Section<'_>) -> Option<S3Credentials> {
    let file = section.file();
    let keys = ["access_key", "secret_key", "session_token"];
    let has_keys = keys.iter().any(|key| section.holds(key));
    if section.optional("credentials", chain).is_some() {
        section.refuse_foreign(&keys, "stands beside credentials = \"chain\": leave out the one or the other");
        return Some(S3Credentials::Chain);
    }
    let hint = if has_keys { SOURCE_HINT.to_owned() } else { format!("{SOURCE_HINT}; or say credentials = \"chain\"") };
    let mut source = |key| section.required(key, &hint, |value| secret::source(file, value));
    let (access_key, secret_key) = (source("access_key"), source("secret_key"));
    let session_token = section.optional("session_token", |value| secret::source(file, value));
    Some(S3Credentials::Keys { access_key: access_key?, secret_key: secret_key?, session_token })
}

/// What was written is not repeated: somebody may have put a secret here.
fn chain(value: &DeValue<'_>) -> Parsed<()> {
    match value::text(value)? {
        "chain" => Ok(()),
        _ => {
            Err("is not known: say \"chain\" for what the SDK finds itself, or leave it out and name access_key and secret_key".to_owned())
        }
    }
}

/// An endpoint in its one spelling, and its host.
struct Endpoint {
    text: String,
    host: String,
}

/// What was written is repeated only where it cannot hold a password.
fn endpoint(value: &DeValue<'_>) -> Parsed<Endpoint> {
    let text = value::text(value)?;
    let shape = "write \"https://host\" or \"https://host:port\"";
    if text.contains(['@', '?', '#']) {
        return Err(format!("is not an endpoint: a user, a query or a fragment has no place in it; {shape}"));
    }
    let refused = |reason: &str| Err(format!("{} is not an endpoint: {reason}", value::shown(text)));
    let Ok(uri) = text.parse::<Uri>() else { return refused(shape) };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return refused(shape) };
    let host = authority.host().to_ascii_lowercase();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    let port = authority.as_str()[authority.host().len()..].strip_prefix(':').map(str::parse::<u16>);
    if !(named || bare.parse::<IpAddr>().is_ok()) || port.as_ref().is_some_and(|port| !matches!(port, Ok(1..))) {
        return refused(shape);
    }
    if uri.path() != "/" {
        return refused("it has no path, and the bucket is named as bucket");
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(bare) => {}
        "http" => {
            return refused("http would carry documents in clear text from one host to another; use https, or an address on loopback");
        }
        _ => return refused(shape),
    }
    let port = port.and_then(Result::ok).filter(|port| *port != if scheme == "https" { 443 } else { 80 });
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    Ok(Endpoint { text: format!("{scheme}://{host}{port}"), host: bare.to_owned() })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Why a bucket cannot stand in front of a host's name.
fn no_virtual_host(endpoint: &Endpoint, bucket: &str) -> Option<&'static str> {
    if endpoint.host.parse::<IpAddr>().is_ok() {
        Some("s3 names an address")
    } else if bucket.contains('.') && endpoint.text.starts_with("https:") {
        Some("no certificate is good for a bucket with a '.' in its name")
    } else {
        None
    }
}

fn bucket(value: &DeValue<'_>) -> Parsed<String> {
    let name = value::text(value)?;
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if (3..=63).contains(&name.len()) && name.split('.').all(label) && name.parse::<IpAddr>().is_err() {
        return Ok(name.to_owned());
    }
    let rule = "use 3 to 63 of a-z, 0-9, '.' and '-', each part between dots beginning and ending with a letter or digit, and no address";
    Err(format!("{} is not a bucket: {rule}", value::shown(name)))
}

fn region(value: &DeValue<'_>) -> Parsed<String> {
    let name = value::text(value)?;
    let sane = (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if sane {
        Ok(name.to_owned())
    } else {
        Err(format!("{} is not a region: use 1 to 63 of a-z, A-Z, 0-9, '-' and '_'", value::shown(name)))
    }
}
