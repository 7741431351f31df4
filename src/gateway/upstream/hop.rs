//! Heads on their way through: what belongs to one connection only is taken out, by RFC 9110, 7.6.1, and the rest stays as it was.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::uri::{Authority, PathAndQuery};
use http::{Uri, Version, request};

use super::super::rescue::BadRequest;

/// Of the connection, whether `Connection` names them or not.
const HOP_BY_HOP: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("http2-settings"),
];

/// Never taken out, whatever `Connection` names: they say for whom a message is, and where it ends.
const KEPT: [HeaderName; 3] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING];

/// Whether a head asks to go on in another protocol, and in which. HTTP/2 in clear text is none that we would tunnel: within it,
/// no request would be seen any more.
pub(super) fn upgrade(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
    if version != Version::HTTP_11 || !tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade")) {
        return None;
    }
    let is_http = |protocol: &str| protocol.eq_ignore_ascii_case("h2c") || protocol.to_ascii_lowercase().starts_with("http/");
    let kept: Vec<&str> = tokens(headers, &UPGRADE).filter(|protocol| !is_http(protocol)).collect();
    if kept.is_empty() { None } else { HeaderValue::from_str(&kept.join(", ")).ok() }
}

/// The headers that go on, in their order. `upgrade`: the connection goes on in these protocols.
pub(super) fn end_to_end(headers: &HeaderMap, upgrade: Option<&HeaderValue>) -> HeaderMap {
    let named: Vec<String> = tokens(headers, &CONNECTION).map(str::to_ascii_lowercase).collect();
    let takes_trailers = tokens(headers, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    let mut kept = HeaderMap::with_capacity(headers.len() + 4);
    for (name, value) in headers {
        if name == UPGRADE || name == CONNECTION {
            if let Some(protocols) = upgrade
                && !kept.contains_key(name)
            {
                kept.insert(name, if name == UPGRADE { protocols.clone() } else { HeaderValue::from_static("Upgrade") });
            }
        } else if name == TE {
            // What follows for trailers on this connection follows on the next: hyper sends and takes them on both.
            if takes_trailers {
                kept.insert(TE, HeaderValue::from_static("trailers"));
            }
        } else if KEPT.contains(name) || !HOP_BY_HOP.contains(name) && !named.iter().any(|named| named == name.as_str()) {
            kept.append(name, value.clone());
        }
    }
    if kept.contains_key(TRANSFER_ENCODING) {
        // RFC 9112, 6.3: it wins, and who passes the message on takes the other one out.
        kept.remove(CONTENT_LENGTH);
    }
    if kept.contains_key(TE) && !kept.contains_key(CONNECTION) {
        kept.insert(CONNECTION, HeaderValue::from_static("TE"));
    }
    kept
}

/// What a request says that is passed on for a client.
pub(super) struct Passed<'a> {
    pub(super) to: &'a Authority,
    /// The value to be added to `Forwarded`.
    pub(super) forwarded: Option<String>,
}

/// A request's headers as the existing API gets them.
pub(super) fn request(head: &request::Parts, upgrade: Option<&HeaderValue>, passed: &Passed<'_>) -> Result<HeaderMap, BadRequest> {
    if head.headers.get_all(HOST).iter().count() > 1 {
        return Err(BadRequest::Host);
    }
    let mut headers = end_to_end(&head.headers, upgrade);
    // RFC 9112, 3.2.2: a target that names a host is right, and `Host` is not.
    let named = head.uri.authority().map(|authority| without_user(authority.as_str()));
    let host = named.or_else(|| (!headers.contains_key(HOST)).then(|| passed.to.as_str()));
    if let Some(host) = host {
        headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| BadRequest::Host)?);
    }
    if let Some(forwarded) = passed.forwarded.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.append(FORWARDED, forwarded);
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if head.version == Version::HTTP_2 && crumbs.len() > 1 {
        // RFC 9113, 8.2.3.
        let whole = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).expect("values with a text between them are a value");
        headers.insert(COOKIE, whole);
    }
    headers.append(VIA, via(head.version));
    Ok(headers)
}

/// The target as the existing API gets it: never with a host, which would be an instruction to ask somebody else.
pub(super) fn path(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}

fn without_user(authority: &str) -> &str {
    authority.rsplit('@').next().unwrap_or(authority)
}

/// RFC 9110, 7.6.3: a gateway must say so in requests.
fn via(received: Version) -> HeaderValue {
    HeaderValue::from_static(match received {
        Version::HTTP_10 => "1.0 sluss",
        Version::HTTP_2 => "2 sluss",
        _ => "1.1 sluss",
    })
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
            .collect::<Vec<_>>()
            .into_iter()
            .fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            })
    }

    fn lines(headers: &HeaderMap) -> Vec<String> {
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn what_belongs_to_the_connection_is_taken_out_and_the_rest_keeps_its_order() {
        let given = headers(&[
            ("host", "a"),
            ("connection", "close, X-Secret"),
            ("x-secret", "1"),
            ("cookie", "a=1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "x"),
            ("accept", "*/*"),
            ("cookie", "b=2"),
            ("te", "gzip, trailers"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
        ]);
        let kept = end_to_end(&given, None);
        assert_eq!(lines(&kept), ["host: a", "cookie: a=1", "cookie: b=2", "accept: */*", "te: trailers", "connection: TE"]);
    }

    #[test]
    fn neither_host_nor_length_can_be_named_away() {
        let given = headers(&[("connection", "host, content-length, transfer-encoding"), ("host", "a"), ("content-length", "3")]);
        assert_eq!(lines(&end_to_end(&given, None)), ["host: a", "content-length: 3"]);
    }

    #[test]
    fn a_web_socket_is_an_upgrade_and_http2_in_clear_text_is_none() {
        let asks = |connection: &str, protocols: &str| {
            let given = headers(&[("connection", connection), ("upgrade", protocols)]);
            upgrade(Version::HTTP_11, &given).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(asks("keep-alive, Upgrade", "websocket"), Some("websocket".to_owned()));
        assert_eq!(asks("Upgrade", "h2c, websocket"), Some("websocket".to_owned()));
        assert_eq!(asks("Upgrade, HTTP2-Settings", "h2c"), None);
        assert_eq!(asks("Upgrade", "HTTP/2.0"), None);
        assert_eq!(asks("close", "websocket"), None);
        let given = headers(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(upgrade(Version::HTTP_10, &given), None);
        let protocols = HeaderValue::from_static("websocket");
        assert_eq!(lines(&end_to_end(&given, Some(&protocols))), ["connection: Upgrade", "upgrade: websocket"]);
    }

    fn passed(uri: &str, lines: &[(&str, &str)]) -> Result<HeaderMap, BadRequest> {
        let mut head = Request::builder().uri(uri).body(()).unwrap().into_parts().0;
        head.headers = headers(lines);
        let to = Authority::from_static("upstream:5000");
        request(&head, None, &Passed { to: &to, forwarded: Some("for=127.0.0.1".to_owned()) })
    }

    #[test]
    fn the_host_stays_the_clients_unless_the_target_names_another() {
        let host = |uri: &str, lines: &[(&str, &str)]| passed(uri, lines).map(|headers| headers[HOST].to_str().unwrap().to_owned()).ok();
        assert_eq!(host("/a", &[("host", "files.example")]).as_deref(), Some("files.example"));
        assert_eq!(host("http://u:p@other.example:81/a", &[("host", "files.example")]).as_deref(), Some("other.example:81"));
        assert_eq!(host("/a", &[]).as_deref(), Some("upstream:5000"));
        assert_eq!(host("/a", &[("host", "a"), ("host", "b")]), None);
        assert_eq!(path(&"http://other.example/a/../b?c=%20".parse().unwrap()).as_str(), "/a/../b?c=%20");
        let earlier = passed("/", &[("forwarded", "for=10.0.0.1"), ("via", "1.1 edge")]).unwrap();
        assert_eq!(lines(&earlier)[..2], ["forwarded: for=10.0.0.1", "forwarded: for=127.0.0.1"]);
        assert_eq!(lines(&earlier)[2..4], ["via: 1.1 edge", "via: 1.1 sluss"]);
    }

    #[test]
    fn cookies_that_http2_has_taken_apart_are_one_line_again() {
        let mut head = Request::builder().version(Version::HTTP_2).uri("https://a/").body(()).unwrap().into_parts().0;
        head.headers = headers(&[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]);
        let to = Authority::from_static("upstream:5000");
        let sent = request(&head, None, &Passed { to: &to, forwarded: None }).unwrap();
        assert_eq!(lines(&sent)[..2], ["cookie: a=1; b=2", "x: y"]);
        head.version = Version::HTTP_11;
        assert_eq!(lines(&request(&head, None, &Passed { to: &to, forwarded: None }).unwrap())[..2], ["cookie: a=1", "cookie: b=2"]);
    }

    #[test]
    fn of_a_length_and_chunks_the_chunks_count() {
        let given = headers(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
        assert_eq!(lines(&end_to_end(&given, None)), ["transfer-encoding: chunked"]);
    }

    proptest! {
        #[test]
        fn what_goes_on_is_what_was_there_or_what_was_asked_for(
            given in proptest::collection::vec(("(connection|te|upgrade|x-[ab]|cookie|keep-alive)", "[a-z, -]{0,20}"), 0..12)
        ) {
            let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let before = headers(&given);
            let once = end_to_end(&before, None);
            for name in once.keys().filter(|name| *name != CONNECTION && *name != TE) {
                prop_assert!(once.get_all(name).iter().eq(before.get_all(name).iter()));
            }
            prop_assert!(!once.contains_key(UPGRADE) && !once.contains_key("keep-alive"));
        }
    }
}
