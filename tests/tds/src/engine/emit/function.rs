//! Functions of values, and aggregates.

use super::convert::{cast_sql, common, convert, is_implicit, sorted};
use super::expr::{alike, sum_of_lengths};
use super::{Collation, Emitter, Typed, literal};
use crate::engine::ast::{Call, Expr, Over};
use crate::engine::error::{Result, error, refused};
use crate::engine::kind::{Class, Kind};
use crate::engine::native::time::is_part;

/// SQLite's own clock; it stands still within a statement.
const NOW: &str = "(CAST(round(unixepoch('now', 'subsec') * 1000) AS INTEGER) * 10000)";

impl Emitter<'_> {
    pub fn call(&mut self, call: &Call) -> Result<Typed> {
        if let Some(aggregate) = self.aggregate(call)? {
            return Ok(aggregate);
        }
        if let Some(moment) = self.moment(call)? {
            return Ok(moment);
        }
        if let Some(answer) = self.server(call)? {
            return Ok(answer);
        }
        let arguments = call.arguments.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>>>();
        match (call.name.as_str(), &call.arguments[..]) {
            ("IIF", [condition, yes, no]) => {
                let condition = self.condition(condition)?;
                let (values, kind, collation) = alike(vec![self.value(yes)?, self.value(no)?])?;
                let sql = format!("CASE WHEN {condition} THEN {} ELSE {} END", values[0].sql, values[1].sql);
                Ok(Typed { collation, ..Typed::value(sql, kind) })
            }
            (name, _) => simple(name, &arguments?),
        }
    }

    /// `None`: it is none.
    fn aggregate(&mut self, call: &Call) -> Result<Option<Typed>> {
        let name = call.name.as_str();
        let over = match &call.over {
            Some(over) => self.window(over)?,
            None => String::new(),
        };
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        if call.star {
            return match name {
                "COUNT" => Ok(Some(Typed::value(format!("count(*){over}"), Kind::Int))),
                "COUNT_BIG" => Ok(Some(Typed::value(format!("count(*){over}"), Kind::BigInt))),
                _ => Err(refused(format!("{name}(*)"))),
            };
        }
        if matches!(name, "ROW_NUMBER" | "RANK" | "DENSE_RANK") && !over.is_empty() {
            return Ok(Some(Typed::value(format!("{}(){over}", name.to_ascii_lowercase()), Kind::BigInt)));
        }
        if !matches!(name, "COUNT" | "COUNT_BIG" | "SUM" | "MIN" | "MAX" | "AVG" | "STRING_AGG") {
            return if over.is_empty() { Ok(None) } else { Err(refused(format!("{name} with OVER"))) };
        }
        let arguments = call.arguments.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>>>()?;
        let Some(first) = arguments.first().cloned() else { return Err(refused(format!("{name} without an argument"))) };
        let summed = match first.kind {
            Kind::BigInt | Kind::Decimal(_) | Kind::Float => first.kind,
            _ => Kind::Int,
        };
        let sql = &first.sql;
        Ok(Some(match name {
            "COUNT" => Typed::value(format!("count({distinct}{}){over}", first.collated()), Kind::Int),
            "COUNT_BIG" => Typed::value(format!("count({distinct}{}){over}", first.collated()), Kind::BigInt),
            "SUM" if summed == Kind::Int => Typed::value(format!("tds_int(sum({distinct}{sql}){over})"), Kind::Int),
            "SUM" => Typed::value(format!("sum({distinct}{sql}){over}"), summed),
            "AVG" if summed == Kind::Float => Typed::value(format!("avg({distinct}{sql}){over}"), summed),
            "AVG" => Typed::value(format!("CAST(avg({distinct}{sql}){over} AS INTEGER)"), summed),
            "MIN" | "MAX" => {
                if matches!(first.kind, Kind::Bit) {
                    return Err(error(8117, "Operand data type bit is invalid for min or max operator."));
                }
                let sql = format!("{}({}){over}", name.to_ascii_lowercase(), first.collated());
                Typed { sql, ..first }
            }
            _ => {
                let separator = arguments.get(1).map_or("','", |separator| separator.sql.as_str());
                Typed::value(format!("group_concat({sql}, {separator})"), Kind::NVarChar(None))
            }
        }))
    }

    fn window(&mut self, over: &Over) -> Result<String> {
        let partition = over.partition.iter().map(|by| self.value(by).map(|by| sorted(&by))).collect::<Result<Vec<_>>>()?;
        let mut order = Vec::new();
        for by in &over.order {
            order.push(format!("{}{}", sorted(&self.value(&by.by)?), if by.descending { " DESC" } else { "" }));
        }
        let partition = if partition.is_empty() { String::new() } else { format!("PARTITION BY {} ", partition.join(", ")) };
        let order = if order.is_empty() { String::new() } else { format!("ORDER BY {}", order.join(", ")) };
        Ok(format!(" OVER ({partition}{order})"))
    }

    /// Functions of time. `None`: it is none.
    fn moment(&mut self, call: &Call) -> Result<Option<Typed>> {
        Ok(Some(match (call.name.as_str(), &call.arguments[..]) {
            ("SYSUTCDATETIME" | "SYSDATETIME", []) => Typed::value(NOW, Kind::DateTime2(7)),
            ("GETUTCDATE" | "GETDATE", []) => Typed::value(NOW, Kind::DateTime),
            ("DATEADD", [part, number, moment]) => {
                let part = part_name(part)?;
                let (number, moment) = (self.value(number)?, self.value(moment)?);
                let moment = as_time(moment);
                let number = convert(number, Kind::BigInt);
                Typed::value(format!("tds_add_time({part}, {}, {})", number.sql, moment.sql), moment.kind)
            }
            (name @ ("DATEDIFF" | "DATEDIFF_BIG"), [part, from, to]) => {
                let part = part_name(part)?;
                let (from, to) = (as_time(self.value(from)?), as_time(self.value(to)?));
                let big = name == "DATEDIFF_BIG";
                let sql = format!("tds_difference({part}, {}, {}, {})", from.sql, to.sql, u8::from(big));
                Typed::value(sql, if big { Kind::BigInt } else { Kind::Int })
            }
            _ => return Ok(None),
        }))
    }
}

fn part_name(part: &Expr) -> Result<String> {
    match part {
        Expr::Column(parts) if parts.len() == 1 && is_part(&parts[0]) => Ok(literal(&parts[0])),
        _ => Err(refused("the part of a date is not known")),
    }
}

fn as_time(value: Typed) -> Typed {
    if value.kind.class() == Class::Time { value } else { convert(value, Kind::DateTime2(7)) }
}

/// Functions that take values and give one.
fn simple(name: &str, arguments: &[Typed]) -> Result<Typed> {
    Ok(match (name, arguments) {
        ("ISNULL", [value, other]) => {
            let kind = if value.kind == Kind::Null { other.kind } else { value.kind };
            if !is_implicit(other.kind, kind) {
                return Err(error(257, format!("Implicit conversion from data type {} to {kind} is not allowed.", other.kind)));
            }
            let collation = common(&value.collation, &other.collation)?;
            let sql = format!("coalesce({}, {})", value.sql, convert(other.clone(), kind).sql);
            Typed { collation, ..Typed::value(sql, kind) }
        }
        ("COALESCE", [_, _, ..]) => {
            let (values, kind, collation) = alike(arguments.to_vec())?;
            let list: Vec<String> = values.into_iter().map(|value| value.sql).collect();
            Typed { collation, ..Typed::value(format!("coalesce({})", list.join(", ")), kind) }
        }
        ("NULLIF", [value, other]) => {
            let equal = super::expr::compare("=", value.clone(), other.clone())?;
            Typed { sql: format!("CASE WHEN {equal} THEN NULL ELSE {} END", value.sql), ..value.clone() }
        }
        ("DATALENGTH", [value]) => Typed::value(format!("tds_length({}, '{}')", value.sql, value.kind), length_kind(value.kind)),
        ("LEN", [value]) if value.kind.class() != Class::Bytes => {
            let text = text_of(value);
            Typed::value(format!("tds_len({}, '{}')", text.sql, text.kind), length_kind(value.kind))
        }
        ("SUBSTRING", [value, from, length]) => {
            let (from, length) = (convert(from.clone(), Kind::BigInt).sql, convert(length.clone(), Kind::BigInt).sql);
            if value.kind.class() == Class::Bytes {
                let kind = if value.kind.is_large() { Kind::VarBinary(None) } else { value.kind };
                return Ok(Typed::value(format!("tds_substring({}, {from}, {length})", value.sql), kind));
            }
            let text = text_of(value);
            Typed { sql: format!("tds_substring_text({}, {from}, {length})", text.sql), ..text }
        }
        ("LEFT" | "RIGHT", [value, length]) => {
            let text = text_of(value);
            Typed { sql: format!("tds_{}({}, {})", name.to_ascii_lowercase(), text.sql, length.sql), ..text }
        }
        ("UPPER" | "LOWER", [value]) => {
            let text = text_of(value);
            Typed { sql: format!("tds_{}({})", name.to_ascii_lowercase(), text.sql), ..text }
        }
        ("LTRIM" | "RTRIM" | "TRIM", [value]) => {
            let text = text_of(value);
            Typed { sql: format!("{}({}, ' ')", name.to_ascii_lowercase(), text.sql), ..text }
        }
        ("CONCAT", [_, _, ..]) => {
            let mut joined = text_of(&arguments[0]);
            let mut list = Vec::new();
            for (at, argument) in arguments.iter().enumerate() {
                let text = text_of(argument);
                list.push(format!("coalesce({}, '')", text.sql));
                if at > 0 {
                    joined.kind = sum_of_lengths(joined.kind, text.kind);
                    joined.collation = common(&joined.collation, &text.collation)?;
                }
            }
            Typed { sql: format!("({})", list.join(" || ")), ..joined }
        }
        ("CHARINDEX", [needle, text, rest @ ..]) => {
            let from = rest.first().map_or("1", |from| from.sql.as_str());
            let sql = format!("tds_position({}, {}, {from})", text_of(needle).sql, text_of(text).sql);
            Typed::value(sql, length_kind(text.kind))
        }
        ("REPLACE", [text, from, to]) => {
            let (text, from, to) = (text_of(text), text_of(from), text_of(to));
            let kind = if text.kind.is_national() { Kind::NVarChar(None) } else { Kind::VarChar(None) };
            Typed { sql: format!("tds_replace({}, {}, {})", text.sql, from.sql, to.sql), kind, ..text }
        }
        ("QUOTENAME", [text, rest @ ..]) => {
            let mark = rest.first().map_or("'['", |mark| mark.sql.as_str());
            Typed::value(format!("tds_quote_name({}, {mark})", text_of(text).sql), Kind::NVarChar(Some(258)))
        }
        ("ABS", [value]) => Typed { sql: format!("abs({})", value.sql), ..value.clone() },
        ("HASHBYTES", [algorithm, value]) => {
            Typed::value(format!("tds_hash({}, {}, '{}')", algorithm.sql, value.sql, value.kind), Kind::VarBinary(Some(8000)))
        }
        ("NEWID" | "NEWSEQUENTIALID", []) => Typed::value("tds_guid(randomblob(16))", Kind::Guid),
        _ => return Err(refused(format!("the function {name} with {} arguments", arguments.len()))),
    })
}

fn length_kind(kind: Kind) -> Kind {
    let max = matches!(kind, Kind::VarChar(None) | Kind::NVarChar(None) | Kind::VarBinary(None));
    if max { Kind::BigInt } else { Kind::Int }
}

/// As a text, where it is none.
fn text_of(value: &Typed) -> Typed {
    if value.kind.is_text() {
        return value.clone();
    }
    let to = Kind::NVarChar(Some(4000));
    if value.kind == Kind::Null {
        return Typed { kind: to, ..value.clone() };
    }
    Typed { sql: cast_sql(value, to, "0", false), kind: to, collation: Collation::Free, condition: false }
}
