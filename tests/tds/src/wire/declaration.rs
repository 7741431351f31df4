//! What `sp_executesql` is told of its parameters: `@P1 int, @P2 nvarchar(max)`.

use crate::value::Type;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// `None`: a type that this server does not have.
    pub(crate) kind: Option<Type>,
}

pub(crate) fn parse(declarations: &str) -> Vec<Declared> {
    let mut parts = vec![String::new()];
    let mut depth = 0_u32;
    for character in declarations.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).map(one).collect()
}

fn one(declaration: &str) -> Declared {
    let (name, kind) = declaration.split_once(char::is_whitespace).unwrap_or((declaration, ""));
    Declared { name: name.to_owned(), kind: type_named(kind.trim()) }
}

fn type_named(text: &str) -> Option<Type> {
    let text = text.to_ascii_lowercase();
    let (name, length) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), Some(rest.split(')').next().unwrap_or_default().trim())),
        None => (text.split_whitespace().next().unwrap_or_default(), None),
    };
    let length = match length {
        Some("max") => None,
        Some(length) => Some(length.parse().ok()?),
        // T-SQL's own default.
        None => Some(1),
    };
    match name {
        "bit" => Some(Type::Bit),
        "tinyint" | "smallint" | "int" => Some(Type::Int),
        "bigint" => Some(Type::BigInt),
        "float" | "real" => Some(Type::Float),
        "uniqueidentifier" => Some(Type::UniqueIdentifier),
        "nvarchar" | "nchar" => Some(Type::NVarChar(length)),
        "varchar" | "char" => Some(Type::VarChar(length)),
        "varbinary" | "binary" => Some(Type::VarBinary(length)),
        "datetime2" => Some(Type::DateTime2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_parentheses_separates_nothing() {
        let declared = parse("@P1 int,@p2 decimal(38, 4) , @P3 nvarchar(max), @P4 VARBINARY(8000)");
        let kinds: Vec<_> = declared.iter().map(|declared| (declared.name.as_str(), declared.kind.clone())).collect();
        assert_eq!(
            kinds,
            [("@P1", Some(Type::Int)), ("@p2", None), ("@P3", Some(Type::NVarChar(None))), ("@P4", Some(Type::VarBinary(Some(8000))))]
        );
    }
}
