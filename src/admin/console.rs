//! `/console/`: the operators' page, its files out of the binary. It needs no token, because it tells nothing: all that it shows it asks
//! this API for, with the token that an operator enters. Nothing is ever read from a disk.

use std::sync::LazyLock;

use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::error::AdminError;
use crate::body::{self, Body};

const ROOT: &str = "/console/";

/// What a page of ours may do: load its own files, and ask its own listener. No script or style stands in a page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Vite names what lies here by its content, so under one name there is never anything else.
const HASHED: &str = "assets/";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A file that was taken in when this was built.
struct File {
    /// Below `/console/`.
    name: &'static str,
    bytes: &'static [u8],
    /// The same, compressed by gzip.
    packed: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// Strong validators, in the order of the files: of the plain bytes, and of the compressed ones.
static TAGS: LazyLock<Vec<(HeaderValue, HeaderValue)>> =
    LazyLock::new(|| FILES.iter().map(|file| (tag(file.bytes), tag(file.packed.unwrap_or_default()))).collect());

/// The answer to a request for the console; `None` where the path is none of its paths.
pub(super) fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Option<Result<Response<Body>, AdminError>> {
    if path == "/" || path == ROOT.trim_end_matches('/') {
        return Some(read_only(method).map(|()| to_the_root()));
    }
    let name = path.strip_prefix(ROOT)?;
    let name = if name.is_empty() { "index.html" } else { name };
    let found = FILES.iter().position(|file| file.name == name).ok_or(AdminError::NoSuchPath);
    Some(found.and_then(|place| read_only(method).map(|()| serve(place, method, headers))))
}

fn read_only(method: &Method) -> Result<(), AdminError> {
    if [Method::GET, Method::HEAD].contains(method) { Ok(()) } else { Err(AdminError::WrongMethod { allowed: vec!["GET", "HEAD"] }) }
}

fn to_the_root() -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(ROOT));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn serve(place: usize, method: &Method, headers: &HeaderMap) -> Response<Body> {
    let (file, (plain, packed)) = (&FILES[place], &TAGS[place]);
    let (bytes, tag, is_packed) = match file.packed.filter(|_| takes_gzip(headers)) {
        Some(bytes) => (bytes, packed, true),
        None => (file.bytes, plain, false),
    };
    let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|known| names(known, tag));
    let mut response = match (is_known, method == Method::HEAD) {
        (true, _) | (false, true) => Response::new(body::empty()),
        (false, false) => Response::new(body::full(bytes)),
    };
    let mut set = |name, value| response.headers_mut().insert(name, value);
    set(ETAG, tag.clone());
    set(
        CACHE_CONTROL,
        HeaderValue::from_static(if file.name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" }),
    );
    set(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    set(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    if file.packed.is_some() {
        set(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    set(CONTENT_TYPE, HeaderValue::from_static(media_type(file.name)));
    set(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    if is_packed {
        set(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn tag(bytes: &[u8]) -> HeaderValue {
    let hex: String = Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).expect("digits in quotes are header text")
}

/// Whether an `If-None-Match` has the tag. Our tags have no comma in them. A proxy that compressed the answer made the tag a weak one.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    codings.map(|coding| coding.split_once(';').unwrap_or((coding, ""))).any(|(coding, weight)| {
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        coding.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn every_file_that_was_taken_in_has_a_media_type_and_a_tag_of_its_own() {
        assert!(FILES.iter().any(|file| file.name == "index.html"));
        for (place, file) in FILES.iter().enumerate() {
            assert_ne!(media_type(file.name), "application/octet-stream", "{}", file.name);
            let (plain, packed) = &TAGS[place];
            assert!(plain != packed && TAGS[..place].iter().all(|(other, _)| other != plain || FILES[place].bytes.is_empty()));
        }
    }

    #[test]
    fn a_tag_is_found_among_others_and_weakened() {
        let tag = tag(b"content");
        let text = tag.to_str().unwrap().to_owned();
        for known in [text.clone(), format!("\"other\", W/{text}"), "*".to_owned()] {
            assert!(names(&HeaderValue::from_str(&known).unwrap(), &tag), "{known}");
        }
        for unknown in ["", "\"other\"", "W/\"other\"", text.trim_matches('"')] {
            assert!(!names(&HeaderValue::from_str(unknown).unwrap(), &tag), "{unknown}");
        }
    }

    #[test]
    fn compressed_bytes_are_for_who_takes_them() {
        for takes in ["gzip", "br, GZIP;q=0.5", "deflate,gzip"] {
            assert!(takes_gzip(&asked(&[(ACCEPT_ENCODING, takes)])), "{takes}");
        }
        for refuses in ["", "identity", "gzip;q=0", "br, gzip; q=0.0", "gzipped"] {
            assert!(!takes_gzip(&asked(&[(ACCEPT_ENCODING, refuses)])), "{refuses}");
        }
    }

    #[test]
    fn nothing_is_served_but_what_was_taken_in() {
        let none = HeaderMap::new();
        for path in
            ["/console/../Cargo.toml", "/console/%2e%2e/Cargo.toml", "/console//etc/passwd", "/console/index.html/", "/console/assets/"]
        {
            assert!(matches!(answer(&Method::GET, path, &none), Some(Err(AdminError::NoSuchPath))), "{path}");
        }
        for path in ["/consoles", "/admin/v1/tenants", "/metrics", "//"] {
            assert!(answer(&Method::GET, path, &none).is_none(), "{path}");
        }
        assert!(matches!(answer(&Method::POST, "/console/", &none), Some(Err(AdminError::WrongMethod { .. }))));
    }
}
