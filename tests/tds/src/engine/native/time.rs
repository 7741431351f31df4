//! Points in time: kept as a whole number of 100 ns since 1970, read from and written as texts.

use std::fmt::Write as _;

use crate::engine::error::{Result, error};
use crate::engine::kind::Kind;

const SECOND: i64 = 10_000_000;
const DAY: i64 = 86_400 * SECOND;

/// From a text as SQL Server understands it in any language: `2026-03-01`, `20260301`, `2026-03-01T08:00:00.123`.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches('Z');
    let (date, time) = text.split_once(['T', ' ']).map_or((text, None), |(date, time)| (date, Some(time.trim())));
    let days = match date.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] => days(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)?,
        [all] if all.len() == 8 => days(digits(&all[..4], 4)?, digits(&all[4..6], 2)?, digits(&all[6..], 2)?)?,
        _ => return None,
    };
    let time = match time {
        None => 0,
        Some(time) => parse_time(time)?,
    };
    Some(days * DAY + time)
}

fn digits(text: &str, most: usize) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn parse_time(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| digits(second, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = digits(&format!("{fraction:0<7}"), 7)?;
    Some(((hour * 60 + minute) * 60 + second) * SECOND + fraction)
}

/// Days since 1970 of a date in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=last).contains(&day) {
        return None;
    }
    // The year begins in March here, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468)
}

fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + carry, month, day)
}

/// As a CAST writes it; `iso`: with a `T`, as style 126 does.
pub fn text(ticks: i64, kind: Kind, iso: bool) -> String {
    let (days, rest) = (ticks.div_euclid(DAY), ticks.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    if kind == Kind::Date {
        return text;
    }
    let seconds = rest / SECOND;
    let between = if iso { 'T' } else { ' ' };
    let _ = write!(text, "{between}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let shown = match kind {
        Kind::DateTime2(digits) => usize::from(digits),
        _ => 3,
    };
    if shown > 0 {
        let fraction = format!("{:07}", rest % SECOND);
        let _ = write!(text, ".{}", &fraction[..shown]);
    }
    text
}

/// What a column of the type keeps of it.
pub fn rounded(ticks: i64, kind: Kind) -> i64 {
    let to = |unit: i64| (ticks + unit / 2).div_euclid(unit) * unit;
    match kind {
        Kind::Date => ticks.div_euclid(DAY) * DAY,
        Kind::DateTime2(digits) => to(10_i64.pow(7 - u32::from(digits))),
        Kind::DateTime => {
            // 300ths of a second, of which only whole milliseconds are shown.
            let second = ticks.div_euclid(SECOND) * SECOND;
            let part = ((ticks - second) * 300 + SECOND / 2) / SECOND;
            second + (part * 10 + 1) / 3 * 10_000
        }
        _ => ticks,
    }
}

/// How long a part is; months and years have no fixed length.
fn unit(part: &str) -> Option<i64> {
    Some(match part.to_ascii_lowercase().as_str() {
        "nanosecond" | "ns" => 0,
        "microsecond" | "mcs" => 10,
        "millisecond" | "ms" => 10_000,
        "second" | "ss" | "s" => SECOND,
        "minute" | "mi" | "n" => 60 * SECOND,
        "hour" | "hh" => 3_600 * SECOND,
        "day" | "dd" | "d" | "dayofyear" | "weekday" => DAY,
        "week" | "wk" | "ww" => 7 * DAY,
        _ => return None,
    })
}

fn months(part: &str) -> Option<i64> {
    match part.to_ascii_lowercase().as_str() {
        "month" | "mm" | "m" => Some(1),
        "quarter" | "qq" | "q" => Some(3),
        "year" | "yy" | "yyyy" => Some(12),
        _ => None,
    }
}

pub fn is_part(part: &str) -> bool {
    unit(part).is_some() || months(part).is_some()
}

/// DATEADD, whose number is an int.
pub fn add(part: &str, number: i64, ticks: i64) -> Result<i64> {
    if i32::try_from(number).is_err() {
        return Err(error(8115, "Arithmetic overflow error converting expression to data type int."));
    }
    let overflow = || error(517, "Adding a value to a 'datetime2' column caused an overflow.");
    if let Some(each) = months(part) {
        let (year, month, day) = civil(ticks.div_euclid(DAY));
        let month = year * 12 + month - 1 + number * each;
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        let day = (1..=day).rev().find_map(|day| days(year, month, day)).ok_or_else(overflow)?;
        return Ok(day * DAY + ticks.rem_euclid(DAY));
    }
    let unit = unit(part).ok_or_else(|| error(155, format!("'{part}' is not a recognized dateadd option.")))?;
    let change = if unit == 0 { number / 100 } else { number * unit };
    let sum = ticks.checked_add(change).ok_or_else(overflow)?;
    if (1..=9999).contains(&civil(sum.div_euclid(DAY)).0) { Ok(sum) } else { Err(overflow()) }
}

/// DATEDIFF and DATEDIFF_BIG: how many boundaries of the part lie between two points.
pub fn difference(part: &str, from: i64, to: i64, big: bool) -> Result<i64> {
    let count = if let Some(each) = months(part) {
        let number = |ticks: i64| {
            let (year, month, _) = civil(ticks.div_euclid(DAY));
            (year * 12 + month - 1).div_euclid(each)
        };
        number(to) - number(from)
    } else {
        match unit(part) {
            Some(0) => (to - from) * 100,
            Some(unit) => to.div_euclid(unit) - from.div_euclid(unit),
            None => return Err(error(155, format!("'{part}' is not a recognized datediff option."))),
        }
    };
    if !big && i32::try_from(count).is_err() {
        return Err(error(
            535,
            "The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large.",
        ));
    }
    Ok(count)
}
