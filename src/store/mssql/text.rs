//! Fills the catalogue's templates. What is filled in comes from the configuration, quoted here, or from the database's own catalogue; what a
//! client sends only ever travels as a parameter.

/// Quotes a name the T-SQL way.
pub(super) fn quoted(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// Quotes a text literal the T-SQL way.
pub(super) fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// Replaces each `{name}` of the template. One pass: what is filled in is never searched for names again.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').expect("every brace of a template is closed");
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        filled.push_str(value.expect("every name of a template has a value"));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_literals_cannot_end_their_quotes() {
        assert_eq!(quoted("a]b[c"), "[a]]b[c]");
        assert_eq!(literal("o'clock"), "N'o''clock'");
    }

    #[test]
    fn what_is_filled_in_is_not_searched_again() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "x")]), "{b} and x");
    }
}
