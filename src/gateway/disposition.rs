//! `Content-Disposition` both ways: file names of any script, by RFC 6266 and RFC 8187.

use std::borrow::Cow;
use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::config::Disposition;

/// What file systems allow, and what fits into an object's metadata in any encoding.
pub const MAX_FILE_NAME_BYTES: usize = 255;

/// All but the `attr-char` of RFC 8187.
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// With the name in ASCII for old clients, and in full where that is not the same.
pub fn format(disposition: Disposition, file_name: Option<&str>) -> String {
    let mut text = disposition.label().to_owned();
    let Some(name) = file_name else { return text };
    let is_plain = |c: char| c.is_ascii() && !c.is_ascii_control() && !matches!(c, '"' | '\\' | '%');
    let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let _ = write!(text, "; filename=\"{ascii}\"");
    if ascii != name {
        let _ = write!(text, "; filename*=UTF-8''{}", utf8_percent_encode(name, EXTENDED));
    }
    text
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDisposition {
    #[error("Content-Disposition cannot be read: write attachment; filename=\"name.txt\" or attachment; filename*=UTF-8''name.txt")]
    Syntax,
    #[error("the file name is longer than {MAX_FILE_NAME_BYTES} bytes")]
    TooLong,
    #[error("the file name holds a control character")]
    ControlCharacter,
}

/// A header's bytes as text. Old clients send names as raw UTF-8; older ones, and the RFC's grammar, in ISO 8859-1.
pub fn text(header: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(header).map_or_else(|_| header.iter().copied().map(char::from).collect(), Cow::Borrowed)
}

/// The file name, if the header names one; `filename*` wins over `filename`. A name that is there twice is none.
pub fn parse(header: &str) -> Result<Option<String>, BadDisposition> {
    let (mut plain, mut extended) = (None, None);
    let (kind, mut rest) = header.split_once(';').unwrap_or((header, ""));
    if !is_token(kind.trim()) {
        return Err(BadDisposition::Syntax);
    }
    while let Some((name, value, after)) = next_parameter(rest)? {
        match name.to_ascii_lowercase().as_str() {
            "filename" if plain.is_none() => plain = Some(value),
            "filename*" if extended.is_none() => extended = Some(decode_extended(&value)?),
            "filename" | "filename*" => return Err(BadDisposition::Syntax),
            _ => {}
        }
        rest = after;
    }
    match extended.or(plain) {
        Some(name) if name.len() > MAX_FILE_NAME_BYTES => Err(BadDisposition::TooLong),
        Some(name) if name.chars().any(char::is_control) => Err(BadDisposition::ControlCharacter),
        Some(name) if name.is_empty() => Ok(None),
        name => Ok(name),
    }
}

type Parameter<'a> = (&'a str, String, &'a str);

fn next_parameter(text: &str) -> Result<Option<Parameter<'_>>, BadDisposition> {
    let text = text.trim_start_matches([' ', '\t', ';']);
    if text.is_empty() {
        return Ok(None);
    }
    let (name, value) = text.split_once('=').ok_or(BadDisposition::Syntax)?;
    let value = value.trim_start();
    let (value, after) = match value.strip_prefix('"') {
        Some(quoted) => {
            let (value, after) = unquote(quoted)?;
            let after = after.trim_start_matches([' ', '\t']);
            if !(after.is_empty() || after.starts_with(';')) {
                return Err(BadDisposition::Syntax);
            }
            (value, after)
        }
        None => {
            let (token, after) = value.split_once(';').unwrap_or((value, ""));
            (token.trim().to_owned(), after)
        }
    };
    Ok(Some((name.trim(), value, after)))
}

fn unquote(quoted: &str) -> Result<(String, &str), BadDisposition> {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next().ok_or(BadDisposition::Syntax)?.1),
            other => value.push(other),
        }
    }
    Err(BadDisposition::Syntax)
}

fn decode_extended(value: &str) -> Result<String, BadDisposition> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, text) = (
        parts.next().ok_or(BadDisposition::Syntax)?,
        parts.next().ok_or(BadDisposition::Syntax)?,
        parts.next().ok_or(BadDisposition::Syntax)?,
    );
    let is_escape = |escape: &str| escape.len() >= 2 && escape.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_escape) {
        return Err(BadDisposition::Syntax);
    }
    let decoded = percent_decode_str(text);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => decoded.decode_utf8().map(Cow::into_owned).map_err(|_| BadDisposition::Syntax),
        // What RFC 5987 asked of everybody besides.
        "iso-8859-1" => Ok(decoded.map(char::from).collect()),
        _ => Err(BadDisposition::Syntax),
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_ascii_name_needs_no_second_form() {
        assert_eq!(format(Disposition::Attachment, Some("report 1.pdf")), "attachment; filename=\"report 1.pdf\"");
        assert_eq!(format(Disposition::Inline, None), "inline");
    }

    #[test]
    fn headers_of_real_clients_are_read() {
        let cases = [
            ("attachment; filename=plain.txt", Some("plain.txt")),
            ("attachment; filename=\"a \\\"b\\\".txt\"; x=y", Some("a \"b\".txt")),
            ("attachment; filename=\"naive.txt\"; filename*=UTF-8''na%C3%AFve.txt", Some("naïve.txt")),
            ("attachment; filename*=utf-8'sv'na%C3%AFve.txt; filename=\"naive.txt\"", Some("naïve.txt")),
            ("attachment ; FileName = \"a;b=c.txt\" ; x=y", Some("a;b=c.txt")),
            ("attachment; filename*=iso-8859-1'en'%A3%20rates", Some("£ rates")),
            ("form-data; name=\"file\"; filename=\"c.txt\"", Some("c.txt")),
            ("inline", None),
            ("attachment; filename=\"\"", None),
        ];
        for (header, name) in cases {
            assert_eq!(parse(header), Ok(name.map(str::to_owned)), "{header}");
        }
        for bad in [
            "attachment; filename=\"open",
            "attachment; filename=\"a\"b",
            "attachment; filename*=latin1''x",
            "attachment; filename*=UTF-8''%zz",
            "attachment; filename*=UTF-8''%E4",
            "attachment; filename=a; filename=b",
            "attachment; x",
            "filename=a.txt",
            "; filename=a.txt",
            "",
        ] {
            assert_eq!(parse(bad), Err(BadDisposition::Syntax), "{bad:?}");
        }
        assert_eq!(text(b"attachment; filename=\"\xe5.txt\""), "attachment; filename=\"å.txt\"");
        assert_eq!(text("attachment; filename=\"å.txt\"".as_bytes()), "attachment; filename=\"å.txt\"");
        assert_eq!(parse("attachment; filename*=UTF-8''%00"), Err(BadDisposition::ControlCharacter));
        assert_eq!(parse(&format!("attachment; filename={}", "x".repeat(256))), Err(BadDisposition::TooLong));
    }

    proptest! {
        #[test]
        fn any_name_survives_the_header(name in "[^\\p{C}]{1,60}") {
            prop_assume!(name.len() <= MAX_FILE_NAME_BYTES);
            let header = format(Disposition::Attachment, Some(&name));
            prop_assert!(header.is_ascii());
            prop_assert_eq!(parse(&header), Ok(Some(name)));
        }

        #[test]
        fn no_header_panics(header in ".{0,100}") {
            let _ = parse(&header);
        }
    }
}
