//! What an object says of itself, as user metadata: in any script, though S3 carries ASCII only, and at most 2 KiB of it.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::store::object::ObjectMeta;

/// Before a value that is shorter in Base64, which keeps names in other scripts within S3's limit.
const BASE64: &str = "base64:";

/// What stays readable in a console. ':' is not in it, so that no value looks like the other form; nor is the space, which
/// servers take away from an end.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b':').add(b'"').add(b'\\');

const TENANT: &str = "sluss-tenant";
const COLLECTION: &str = "sluss-collection";
const DOCUMENT: &str = "sluss-document";
const STAMP: &str = "sluss-stamp";
const MEDIA_TYPE: &str = "sluss-media-type";
const FILE_NAME: &str = "sluss-file-name";
const SHA256: &str = "sluss-sha256";

pub(super) fn write(meta: &ObjectMeta) -> HashMap<String, String> {
    let values = [
        (TENANT, Some(&meta.tenant)),
        (COLLECTION, Some(&meta.collection)),
        (DOCUMENT, Some(&meta.document)),
        (STAMP, Some(&meta.stamp)),
        (MEDIA_TYPE, meta.media_type.as_ref()),
        (FILE_NAME, meta.file_name.as_ref()),
        (SHA256, meta.sha256.as_ref()),
    ];
    values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), encode(value?)))).collect()
}

/// `Err` names what is missing or cannot be read.
pub(super) fn read(found: &HashMap<String, String>) -> Result<ObjectMeta, String> {
    let optional = |key: &str| match found.get(key) {
        Some(value) => decode(value).map(Some).ok_or_else(|| format!("its metadata {key} cannot be read")),
        None => Ok(None),
    };
    let required = |key: &str| optional(key)?.ok_or_else(|| format!("its metadata says no {key}"));
    Ok(ObjectMeta {
        tenant: required(TENANT)?,
        collection: required(COLLECTION)?,
        document: required(DOCUMENT)?,
        stamp: required(STAMP)?,
        media_type: optional(MEDIA_TYPE)?,
        file_name: optional(FILE_NAME)?,
        sha256: optional(SHA256)?,
    })
}

/// The shorter of two forms. An empty value has one, too: some stores drop a header without a value.
fn encode(text: &str) -> String {
    let escaped = utf8_percent_encode(text, ESCAPED).to_string();
    let base64 = || format!("{BASE64}{}", URL_SAFE_NO_PAD.encode(text));
    if text.is_empty() || escaped.len() > BASE64.len() + text.len().div_ceil(3) * 4 { base64() } else { escaped }
}

fn decode(value: &str) -> Option<String> {
    match value.strip_prefix(BASE64) {
        Some(base64) => String::from_utf8(URL_SAFE_NO_PAD.decode(base64).ok()?).ok(),
        None => Some(percent_decode_str(value).decode_utf8().ok()?.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::id::MAX_DOC_ID_BYTES;

    /// Keys and values together, as S3 counts them.
    const MAX_BYTES: usize = 2048;

    fn meta(document: &str, file_name: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            tenant: "x".repeat(63),
            collection: "x".repeat(63),
            document: document.to_owned(),
            stamp: "r-18446744073709551615-ffffffffffffffff".to_owned(),
            media_type: Some("x".repeat(255)),
            file_name: file_name.map(str::to_owned),
            sha256: Some("0".repeat(64)),
        }
    }

    #[test]
    fn plain_names_stay_readable() {
        assert_eq!(encode("Ritning 4 (ny).pdf"), "Ritning%204%20(ny).pdf");
        assert_eq!(decode("base64:w6U").as_deref(), Some("å"));
        assert_eq!(decode("base64:!"), None);
    }

    #[test]
    fn the_longest_names_of_every_script_fit() {
        for letter in ["x", "å", "中", "🚢", "%", "\\"] {
            let fill = |bytes: usize| letter.repeat(bytes / letter.len());
            let written = write(&meta(&fill(MAX_DOC_ID_BYTES), Some(&fill(255))));
            let bytes: usize = written.iter().map(|(key, value)| key.len() + value.len()).sum();
            assert!(bytes <= MAX_BYTES, "{letter}: {bytes} bytes");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_ascii_without_blanks_and_read_back_the_same(document in "\\PC{1,80}", name in prop::option::of(".{0,80}")) {
            let meta = meta(&document, name.as_deref());
            let written = write(&meta);
            prop_assert!(written.values().all(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic())));
            prop_assert_eq!(read(&written), Ok(meta));
        }
    }
}
