//! How texts are compared, searched and cut, and how GUIDs are ordered.

use std::cmp::Ordering;

use super::cast::guid_bytes;

/// Without regard to case and to blanks at the end.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_end_matches(' '), b.trim_end_matches(' '));
    folded(a).cmp(folded(b))
}

pub fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// SQL Server looks at the last group of a GUID first, and at the first one last.
pub fn compare_guids(a: &str, b: &str) -> Ordering {
    const ORDER: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0];
    let (a, b) = (guid_bytes(a), guid_bytes(b));
    ORDER.iter().map(|at| a[*at]).cmp(ORDER.iter().map(|at| b[*at]))
}

/// LIKE with `%`, `_`, `[a-z]`, `[^a]`.
pub fn like(text: &str, pattern: &str, escape: Option<char>, exact: bool) -> bool {
    let fold = |text: &str| if exact { text.chars().collect() } else { folded(text).collect::<Vec<_>>() };
    let escape = escape.map(|c| if exact { c } else { c.to_ascii_lowercase() });
    like_from(&fold(text), &fold(pattern), escape)
}

fn like_from(text: &[char], pattern: &[char], escape: Option<char>) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        // Blanks at the end of the text are passed over.
        return text.iter().all(|c| *c == ' ');
    };
    match first {
        '%' => (0..=text.len()).any(|skipped| like_from(&text[skipped..], rest, escape)),
        '_' => !text.is_empty() && like_from(&text[1..], rest, escape),
        '[' => match rest.iter().position(|c| *c == ']') {
            Some(end) => text.first().is_some_and(|c| in_set(*c, &rest[..end])) && like_from(&text[1..], &rest[end + 1..], escape),
            None => false,
        },
        c if Some(*c) == escape => match rest.split_first() {
            Some((c, rest)) => text.first() == Some(c) && like_from(&text[1..], rest, escape),
            None => false,
        },
        c => text.first() == Some(c) && like_from(&text[1..], rest, escape),
    }
}

fn in_set(c: char, set: &[char]) -> bool {
    let (negated, mut set) = match set.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    while let Some((first, rest)) = set.split_first() {
        if let ['-', last, ..] = rest {
            found |= (*first..=*last).contains(&c);
            set = &rest[2..];
        } else {
            found |= *first == c;
            set = rest;
        }
    }
    found != negated
}

/// Where a text stands in another one, counted from 1; 0: nowhere.
pub fn position(needle: &str, text: &str, from: usize) -> usize {
    let needle: Vec<char> = folded(needle).collect();
    let text: Vec<char> = folded(text).collect();
    let from = from.max(1) - 1;
    if needle.is_empty() || from >= text.len() {
        return 0;
    }
    text[from..].windows(needle.len()).position(|part| part == needle).map_or(0, |at| from + at + 1)
}

pub fn replace(text: &str, from: &str, to: &str) -> String {
    let (mut rest, mut replaced) = (text.to_owned(), String::new());
    loop {
        let at = position(from, &rest, 1);
        if at == 0 {
            return replaced + &rest;
        }
        replaced.extend(rest.chars().take(at - 1));
        replaced.push_str(to);
        rest = rest.chars().skip(at - 1 + from.chars().count()).collect();
    }
}

/// From a position that counts from 1 and may lie before the text, which shortens the piece.
pub fn substring(text: &str, from: i64, length: i64) -> String {
    let end = from.saturating_add(length).max(1);
    let from = from.max(1);
    let count = usize::try_from(end - from).unwrap_or(0);
    text.chars().skip(usize::try_from(from - 1).unwrap_or(usize::MAX)).take(count).collect()
}

/// QUOTENAME; `None` where the mark is none.
pub fn quote_name(text: &str, mark: &str) -> Option<String> {
    let (open, close) = match mark {
        "[" | "]" => ('[', ']'),
        "'" => ('\'', '\''),
        "\"" => ('"', '"'),
        _ => return None,
    };
    Some(format!("{open}{}{close}", text.replace(close, &format!("{close}{close}"))))
}
