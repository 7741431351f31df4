//! `Content-Digest` and `Repr-Digest` of RFC 9530. No content coding is taken or sent, so for a whole document both are the SHA-256 of
//! its bytes.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::HeaderName;

use crate::model::content::ContentHash;

pub const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
pub const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// As RFC 9651, 4.2.7 reads byte sequences: padding may be left out.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDigest {
    #[error("{0} cannot be read: write sha-256=:<the SHA-256 in Base64>:")]
    Syntax(HeaderName),
    #[error("the body's SHA-256 is not the one that was announced, and nothing was changed: send it again")]
    Mismatch,
}

/// The SHA-256 that a body has to have. Other algorithms are left alone, as the RFC asks.
pub fn demanded(headers: &HeaderMap) -> Result<Option<ContentHash>, BadDigest> {
    match (sha256(headers, CONTENT_DIGEST)?, sha256(headers, REPR_DIGEST)?) {
        (Some(one), Some(other)) if one != other => Err(BadDigest::Mismatch),
        (one, other) => Ok(one.or(other)),
    }
}

pub fn check(demanded: Option<ContentHash>, found: ContentHash) -> Result<(), BadDigest> {
    if demanded.is_none_or(|demanded| demanded == found) { Ok(()) } else { Err(BadDigest::Mismatch) }
}

pub fn format(sha256: ContentHash) -> String {
    format!("sha-256=:{}:", BASE64.encode(sha256.0))
}

/// Of a dictionary's members the last one of a name counts.
fn sha256(headers: &HeaderMap, name: HeaderName) -> Result<Option<ContentHash>, BadDigest> {
    let mut found = None;
    for line in headers.get_all(&name) {
        let members = line.to_str().ok().and_then(members).ok_or_else(|| BadDigest::Syntax(name.clone()))?;
        found = members.into_iter().next_back().or(found);
    }
    Ok(found)
}

/// The SHA-256 of each member that has one; `None` where the text is no dictionary of digests.
fn members(line: &str) -> Option<Vec<ContentHash>> {
    let mut found = Vec::new();
    if line.trim().is_empty() {
        return Some(found);
    }
    // No Base64 holds a comma.
    for member in line.split(',').map(|member| member.trim_matches([' ', '\t'])) {
        let (key, value) = member.split_once('=')?;
        let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.*".contains(&b));
        let (digest, parameters) = value.strip_prefix(':')?.split_once(':')?;
        if !is_key || !(parameters.is_empty() || parameters.starts_with(';')) {
            return None;
        }
        if key == "sha-256" {
            found.push(ContentHash(BASE64.decode(digest).ok()?.try_into().ok()?));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::content::Fingerprint;
    use proptest::prelude::*;

    /// RFC 9530's own example, of `{"hello": "world"}` and a newline.
    const EXAMPLE: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";

    fn of(pairs: &[(HeaderName, &str)]) -> Result<Option<ContentHash>, BadDigest> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), value.parse().unwrap());
        }
        demanded(&headers)
    }

    #[test]
    fn the_rfcs_own_example_is_read_and_written() {
        let hash = Fingerprint::of(b"{\"hello\": \"world\"}\n").sha256;
        assert_eq!(format(hash), EXAMPLE);
        for name in [CONTENT_DIGEST, REPR_DIGEST] {
            assert_eq!(of(&[(name, EXAMPLE)]), Ok(Some(hash)));
        }
        let among = format!("sha-512=:AAAA:,\t{EXAMPLE};as=sent , unknown=:Ag==:");
        assert_eq!(of(&[(CONTENT_DIGEST, &among)]), Ok(Some(hash)));
        assert_eq!(of(&[(CONTENT_DIGEST, &EXAMPLE.replace("=:", ":").replacen("256:", "256=:", 1))]), Ok(Some(hash)), "without padding");
        assert_eq!(of(&[(CONTENT_DIGEST, "sha-512=:AAAA:"), (CONTENT_DIGEST, EXAMPLE)]), Ok(Some(hash)), "over two lines");
    }

    #[test]
    fn other_algorithms_are_left_alone() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[(CONTENT_DIGEST, "")]), Ok(None));
        assert_eq!(of(&[(CONTENT_DIGEST, "sha-512=:AAAA:, md5=:AA==:")]), Ok(None));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for bad in [",", "sha-256", "sha-256=AAAA", "sha-256=:AAAA:", "sha-256=:%%:", "SHA-256=:AAAA:", "sha-256=\"AAAA\""] {
            assert_eq!(of(&[(CONTENT_DIGEST, bad)]), Err(BadDigest::Syntax(CONTENT_DIGEST)), "{bad:?}");
        }
        let other = format(Fingerprint::of(b"other").sha256);
        assert_eq!(of(&[(CONTENT_DIGEST, EXAMPLE), (REPR_DIGEST, &other)]), Err(BadDigest::Mismatch), "no body has both");
    }

    proptest! {
        #[test]
        fn any_hash_survives_the_header(hash: [u8; 32]) {
            prop_assert_eq!(of(&[(CONTENT_DIGEST, &format(ContentHash(hash)))]), Ok(Some(ContentHash(hash))));
        }

        #[test]
        fn no_text_panics(text in "(sha-256=:)?.{0,60}") {
            members(&text);
        }
    }
}
