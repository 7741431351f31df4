//! Expressions and conditions.

use std::sync::Arc;

use super::convert::{collate, common, convert, sqlite_collation, unify};
use super::{Collation, Emitter, Typed, literal};
use crate::engine::ast::Expr;
use crate::engine::error::{Result, error, refused};
use crate::engine::kind::{Class, Kind};

impl Emitter<'_> {
    pub fn value(&mut self, expr: &Expr) -> Result<Typed> {
        let typed = self.expr(expr)?;
        if typed.condition { Err(refused("a condition stands where a value is expected")) } else { Ok(typed) }
    }

    pub fn condition(&mut self, expr: &Expr) -> Result<String> {
        let typed = self.expr(expr)?;
        if typed.condition {
            return Ok(typed.sql);
        }
        Err(error(4145, "An expression of non-boolean type specified in a context where a condition is expected."))
    }

    fn expr(&mut self, expr: &Expr) -> Result<Typed> {
        Ok(match expr {
            Expr::Null => Typed::value("NULL", Kind::Null),
            Expr::Default => return Err(refused("DEFAULT stands where a value is expected")),
            Expr::Whole(number) if i32::try_from(*number).is_ok() => Typed::value(number.to_string(), Kind::Int),
            Expr::Whole(number) => Typed::value(number.to_string(), Kind::BigInt),
            Expr::Float(number) => Typed::value(format!("{number:?}"), Kind::Float),
            Expr::Text { value, national } => {
                let length = u16::try_from(value.chars().count().max(1)).ok();
                Typed::value(literal(value), if *national { Kind::NVarChar(length) } else { Kind::VarChar(length) })
            }
            Expr::Bytes(bytes) => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
                Typed::value(format!("X'{digits}'"), Kind::VarBinary(u16::try_from(bytes.len().max(1)).ok()))
            }
            Expr::Variable(name) if name.starts_with("@@") => self.global(name)?,
            Expr::Variable(name) => match self.env.variables.get(name) {
                Some(kind) => Typed::value(name.clone(), *kind),
                None => return Err(error(137, format!("Must declare the scalar variable \"{name}\"."))),
            },
            Expr::Column(parts) => self.resolve(parts)?,
            Expr::Negative(value) => {
                let value = self.value(value)?;
                Typed { sql: format!("(-{})", value.sql), ..value }
            }
            Expr::Not(inside) => Typed::condition(format!("(NOT {})", self.condition(inside)?)),
            Expr::Binary(operator @ ("AND" | "OR"), left, right) => {
                Typed::condition(format!("({} {operator} {})", self.condition(left)?, self.condition(right)?))
            }
            Expr::Binary(operator @ ("=" | "<>" | "<" | ">" | "<=" | ">="), left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Typed::condition(compare(operator, left, right)?)
            }
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                arithmetic(operator, left, right)?
            }
            Expr::IsNull(value, negated) => {
                Typed::condition(format!("({} IS {}NULL)", self.value(value)?.sql, if *negated { "NOT " } else { "" }))
            }
            Expr::In(value, items, negated) => self.among(value, items, *negated)?,
            Expr::InQuery(value, query, negated) => {
                let value = self.value(value)?;
                let query = self.query(query, false)?;
                let [column] = &query.columns[..] else { return Err(refused("IN over a query with several columns")) };
                let inside = Typed { collation: column.collation.clone(), ..Typed::value("c", column.kind) };
                let (value, inside, suffix) = unify(value, inside)?;
                let not = if *negated { "NOT " } else { "" };
                // A CTE names the column, so that it can be converted.
                Typed::condition(format!("({}{suffix} {not}IN (WITH q (c) AS ({}) SELECT {} FROM q))", value.sql, query.sql, inside.sql))
            }
            Expr::Between(value, low, high, negated) => {
                let (value, low, high) = (self.value(value)?, self.value(low)?, self.value(high)?);
                let (from, to) = (compare(">=", value.clone(), low)?, compare("<=", value, high)?);
                Typed::condition(format!("({}({from} AND {to}))", if *negated { "NOT " } else { "" }))
            }
            Expr::Like(value, pattern, escape, negated) => {
                let (value, pattern) = (self.value(value)?, self.value(pattern)?);
                let escape = escape.as_ref().map_or(Ok("NULL".to_owned()), |mark| self.value(mark).map(|mark| mark.sql))?;
                let exact = u8::from(sqlite_collation(&common(&value.collation, &pattern.collation)?) == "RTRIM");
                let (value, pattern) = (convert(value, Kind::NVarChar(None)), convert(pattern, Kind::NVarChar(None)));
                let not = if *negated { "NOT " } else { "" };
                Typed::condition(format!("({not}tds_like({}, {}, {escape}, {exact}))", value.sql, pattern.sql))
            }
            Expr::Exists(query) => Typed::condition(format!("EXISTS ({})", self.query(query, false)?.sql)),
            Expr::Query(query) => {
                let query = self.query(query, false)?;
                let [column] = &query.columns[..] else {
                    return Err(error(116, "Only one expression can be specified in the select list when the subquery is a value."));
                };
                Typed { collation: column.collation.clone(), ..Typed::value(format!("({})", query.sql), column.kind) }
            }
            Expr::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise.as_deref())?,
            Expr::Cast { value, to, style, lenient } => {
                let value = self.value(value)?;
                let style = style.as_ref().map_or(Ok("0".to_owned()), |style| self.value(style).map(|style| style.sql))?;
                self.cast(value, *to, &style, *lenient)
            }
            Expr::Collate(value, name) => {
                let value = self.value(value)?;
                // A cast keeps the label of what it casts, and so also an explicit collation.
                if let Collation::Explicit(first) = &value.collation {
                    return Err(refused(format!("COLLATE of an expression that has the explicit collation {first}")));
                }
                Typed { collation: Collation::Explicit(Arc::from(name.as_str())), ..value }
            }
            Expr::Call(call) => self.call(call)?,
        })
    }

    fn cast(&mut self, value: Typed, to: Kind, style: &str, lenient: bool) -> Typed {
        // A cast to a text or binary without a length means 30 of them; `convert` would take the declaration's 1.
        if style == "0" && !lenient {
            return convert(value, to);
        }
        let sql = super::convert::cast_sql(&value, to, style, lenient);
        Typed { sql, kind: to, ..value }
    }

    fn among(&mut self, value: &Expr, items: &[Expr], negated: bool) -> Result<Typed> {
        let value = self.value(value)?;
        let mut found = Vec::new();
        for item in items {
            let item = self.value(item)?;
            found.push(compare("=", value.clone(), item)?);
        }
        let not = if negated { "NOT " } else { "" };
        Ok(Typed::condition(format!("({not}({}))", found.join(" OR "))))
    }

    fn case(&mut self, operand: Option<&Expr>, whens: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<Typed> {
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for (when, then) in whens {
            conditions.push(match operand {
                Some(operand) => compare("=", self.value(operand)?, self.value(when)?)?,
                None => self.condition(when)?,
            });
            results.push(self.value(then)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.value(otherwise)?);
        }
        let (mut results, kind, collation) = alike(results)?;
        let otherwise = if otherwise.is_some() { results.pop() } else { None };
        let mut sql = "CASE".to_owned();
        for (condition, result) in conditions.iter().zip(&results) {
            sql.push_str(&format!(" WHEN {condition} THEN {}", result.sql));
        }
        if let Some(otherwise) = otherwise {
            sql.push_str(&format!(" ELSE {}", otherwise.sql));
        }
        Ok(Typed { collation, ..Typed::value(format!("{sql} END"), kind) })
    }
}

/// Values of which an expression gives one, in the type that holds them all.
pub fn alike(values: Vec<Typed>) -> Result<(Vec<Typed>, Kind, Collation)> {
    let (mut kind, mut collation) = (Kind::Null, Collation::Free);
    for value in &values {
        kind = kind.wider(value.kind);
        collation = common(&collation, &value.collation)?;
    }
    Ok((values.into_iter().map(|value| convert(value, kind)).collect(), kind, collation))
}

pub fn compare(operator: &str, left: Typed, right: Typed) -> Result<String> {
    let (left, right, suffix) = unify(left, right)?;
    Ok(format!("({} {operator} {}{suffix})", left.sql, right.sql))
}

fn arithmetic(operator: &str, left: Typed, right: Typed) -> Result<Typed> {
    let (a, b) = (left.kind.class(), right.kind.class());
    let textual = |class| matches!(class, Class::Text | Class::Null);
    if operator == "+" && (a == Class::Text || b == Class::Text) && textual(a) && textual(b) {
        return joined(&left, &right);
    }
    if operator == "+" && a == Class::Bytes && b == Class::Bytes {
        return Ok(Typed::value(format!("tds_join({}, {})", left.sql, right.sql), sum_of_lengths(left.kind, right.kind)));
    }
    let kind = match left.kind.wider(right.kind) {
        Kind::Bit | Kind::TinyInt | Kind::SmallInt | Kind::Null => Kind::Int,
        whole @ (Kind::Int | Kind::BigInt | Kind::Decimal(_) | Kind::Float) => whole,
        other => return Err(error(402, format!("The data types are incompatible in the operator {operator} ({other})."))),
    };
    let (left, right) = (convert(left, kind), convert(right, kind));
    let (l, r) = (&left.sql, &right.sql);
    if operator == "/" && matches!(kind, Kind::Decimal(_)) {
        return Err(refused("a division of decimals"));
    }
    let sql = match operator {
        "/" | "%" if kind == Kind::Float => format!("(CAST({l} AS REAL) {operator} tds_divisor({r}))"),
        "/" | "%" => format!("({l} {operator} tds_divisor({r}))"),
        "^" => format!("(({l} | {r}) - ({l} & {r}))"),
        _ => format!("({l} {operator} {r})"),
    };
    let checked = matches!(operator, "+" | "-" | "*");
    Ok(match kind {
        Kind::Int if checked => Typed::value(format!("tds_int{sql}"), kind),
        Kind::BigInt | Kind::Decimal(_) if checked => Typed::value(format!("tds_bigint{sql}"), kind),
        _ => Typed::value(sql, kind),
    })
}

fn joined(left: &Typed, right: &Typed) -> Result<Typed> {
    let collation = common(&left.collation, &right.collation)?;
    let kind = sum_of_lengths(left.kind, right.kind);
    Ok(Typed { collation, ..Typed::value(format!("({} || {})", left.sql, right.sql), kind) })
}

/// The type of two texts or binaries behind each other.
pub fn sum_of_lengths(a: Kind, b: Kind) -> Kind {
    let length = match (a.length(), b.length()) {
        (Some(a), Some(b)) => u16::try_from(a + b).ok().filter(|length| *length <= 8000),
        // One of them is a bare NULL or has no length at all: the other one's decides.
        (Some(length), None) | (None, Some(length)) if a == Kind::Null || b == Kind::Null => u16::try_from(length).ok(),
        _ => None,
    };
    match a.wider(b) {
        kind if kind.class() == Class::Bytes => Kind::VarBinary(length),
        kind if kind.is_national() => Kind::NVarChar(length),
        _ => Kind::VarChar(length),
    }
}

impl Typed {
    /// As the argument of MIN or MAX, which compare by the collation of what they are given.
    pub fn collated(&self) -> String {
        match self.kind.class() {
            Class::Text => format!("{}{}", self.sql, collate(&self.collation)),
            Class::Guid => format!("{} COLLATE tds_guid", self.sql),
            _ => self.sql.clone(),
        }
    }
}
