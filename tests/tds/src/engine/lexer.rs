//! Text to tokens, with their places in the text.

use super::error::{Result, error};

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A keyword or a bare name.
    Word(String),
    /// `[a name]` or `"a name"`.
    Quoted(String),
    /// `@name`, in lower case, or `@@name`.
    Variable(String),
    Number(String),
    Text {
        value: String,
        national: bool,
    },
    Bytes(Vec<u8>),
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// The longer ones first.
const SYMBOLS: [&str; 29] = [
    "<>", "<=", ">=", "!=", "!<", "!>", "+=", "-=", "*=", "/=", "%=", "::", "(", ")", ",", ";", ".", "=", "<", ">", "+", "-", "*", "/",
    "%", "&", "|", "^", "~",
];

pub fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() || first == '\u{feff}' {
            at += first.len_utf8();
        } else if text[at..].starts_with("--") {
            at = text[at..].find('\n').map_or(text.len(), |end| at + end);
        } else if text[at..].starts_with("/*") {
            at = comment(text, at)?;
        } else {
            let (kind, end) = token(text, at, first)?;
            found.push(Token { kind, start: at, end });
            at = end;
        }
    }
    found.push(Token { kind: Kind::End, start: text.len(), end: text.len() });
    Ok(found)
}

/// The end of a comment; comments nest.
fn comment(text: &str, start: usize) -> Result<usize> {
    let (mut at, mut depth) = (start, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Ok(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Err(error(113, "Missing end comment mark '*/'."))
}

fn token(text: &str, at: usize, first: char) -> Result<(Kind, usize)> {
    let rest = &text[at..];
    if (first == 'N' || first == 'n') && rest[1..].starts_with('\'') {
        let (value, end) = quoted(text, at + 1, '\'')?;
        return Ok((Kind::Text { value, national: true }, end));
    }
    match first {
        '\'' => quoted(text, at, '\'').map(|(value, end)| (Kind::Text { value, national: false }, end)),
        '"' => quoted(text, at, '"').map(|(name, end)| (Kind::Quoted(name), end)),
        '[' => quoted(text, at, ']').map(|(name, end)| (Kind::Quoted(name), end)),
        '@' => {
            let end = at + span(rest, |c| c == '@' || name_part(c));
            Ok((Kind::Variable(text[at..end].to_lowercase()), end))
        }
        '0' if rest[1..].starts_with(['x', 'X']) => {
            let end = at + 2 + span(&rest[2..], |c| c.is_ascii_hexdigit());
            Ok((Kind::Bytes(hex(&text[at + 2..end])), end))
        }
        '0'..='9' => Ok(number(text, at)),
        '#' | '_' => Ok(word(text, at)),
        letter if letter.is_alphabetic() => Ok(word(text, at)),
        _ => match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            Some(symbol) => Ok((Kind::Symbol(symbol), at + symbol.len())),
            None => Err(error(102, format!("Incorrect syntax near '{first}'. Not understood: {text}"))),
        },
    }
}

fn name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '#')
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn word(text: &str, at: usize) -> (Kind, usize) {
    let end = at + span(&text[at..], |c| c == '@' || name_part(c));
    (Kind::Word(text[at..end].to_owned()), end)
}

fn number(text: &str, at: usize) -> (Kind, usize) {
    let mut end = at + span(&text[at..], |c| c.is_ascii_digit());
    if text[end..].starts_with('.') {
        end += 1 + span(&text[end + 1..], |c| c.is_ascii_digit());
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let digits = span(&text[end + 1 + sign..], |c| c.is_ascii_digit());
        if digits > 0 {
            end += 1 + sign + digits;
        }
    }
    (Kind::Number(text[at..end].to_owned()), end)
}

/// From the opening mark to the closing one, which stands doubled inside.
fn quoted(text: &str, start: usize, close: char) -> Result<(String, usize)> {
    let mut value = String::new();
    let mut inside = text[start + 1..].char_indices().peekable();
    while let Some((at, c)) = inside.next() {
        if c != close {
            value.push(c);
        } else if inside.next_if(|(_, next)| *next == close).is_some() {
            value.push(close);
        } else {
            return Ok((value, start + 1 + at + 1));
        }
    }
    Err(error(105, format!("Unclosed quotation mark after the character string '{value}'.")))
}

/// An odd number of digits has a zero before it.
fn hex(digits: &str) -> Vec<u8> {
    let even = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
    even.as_bytes().chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

pub fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A') + 10,
    }
}
