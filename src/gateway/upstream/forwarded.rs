//! For whom a request is passed on, in the words of RFC 7239.

use std::net::{IpAddr, SocketAddr};

/// One element of `Forwarded`.
pub(super) fn element(peer: Option<SocketAddr>, host: Option<&str>, proto: &str) -> String {
    let node = match peer.map(|peer| peer.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        None => "unknown".to_owned(),
    };
    let host = host.and_then(quoted).map(|host| format!(";host={host}")).unwrap_or_default();
    format!("for={node}{host};proto={proto}")
}

/// As a token where it is one, else in quotes. `None`: a client's text that neither can hold.
fn quoted(text: &str) -> Option<String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(is_token) {
        return Some(text.to_owned());
    }
    let plain = text.bytes().all(|b| (b.is_ascii_graphic() || b == b' ') && b != b'"' && b != b'\\');
    plain.then(|| format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_says_for_whom_at_which_host_and_how() {
        let element = |peer: &str, host: &str| element(peer.parse().ok(), Some(host), "http");
        assert_eq!(element("192.0.2.1:4711", "files.example"), "for=192.0.2.1;host=files.example;proto=http");
        assert_eq!(element("[2001:db8::1]:4711", "files.example:80"), "for=\"[2001:db8::1]\";host=\"files.example:80\";proto=http");
        assert_eq!(element("[::ffff:192.0.2.1]:1", "a"), "for=192.0.2.1;host=a;proto=http");
        assert_eq!(element("", "a\"; for=10.0.0.1"), "for=unknown;proto=http", "nobody forges an element by a host");
    }
}
