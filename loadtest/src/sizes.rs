//! How long documents are: a distribution that a person writes in a word, and a draw from it that the same numbers always make alike.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::content::word;

/// `fixed:1KiB`, `uniform:100..1000`, `lognormal:20KiB:1.5:1KiB..200MB` (median, sigma, and where it is cut), or `mixed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Sizes {
    Fixed(u64),
    Uniform(RangeInclusive<u64>),
    Lognormal {
        median: u64,
        sigma: f64,
        within: RangeInclusive<u64>,
    },
    /// What a store of documents looks like: most are letters and forms, some are drawings, and one in a thousand is a film.
    Mixed,
}

const LETTERS: (f64, f64, RangeInclusive<u64>) = (20_480.0, 1.5, 1 << 10..=4 << 20);
const DRAWINGS: RangeInclusive<u64> = 1 << 20..=20 << 20;
const FILMS: RangeInclusive<u64> = 50_000_000..=200_000_000;

impl Sizes {
    /// The length that this number stands for. Numbers that are evenly spread give lengths that are spread as this says.
    pub fn draw(&self, number: u64) -> u64 {
        match self {
            Self::Fixed(length) => *length,
            Self::Uniform(within) => evenly(number, within),
            Self::Lognormal { median, sigma, within } => lognormal(number, *median as f64, *sigma, within),
            Self::Mixed => match word(number, 2) % 1000 {
                0 => evenly(number, &FILMS),
                1..=49 => evenly(number, &DRAWINGS),
                _ => lognormal(number, LETTERS.0, LETTERS.1, &LETTERS.2),
            },
        }
    }
}

fn evenly(number: u64, within: &RangeInclusive<u64>) -> u64 {
    within.start() + word(number, 0) % (within.end() - within.start() + 1)
}

/// By Box and Muller.
fn lognormal(number: u64, median: f64, sigma: f64, within: &RangeInclusive<u64>) -> u64 {
    let normal = (-2.0 * share(word(number, 0)).ln()).sqrt() * (std::f64::consts::TAU * share(word(number, 1))).cos();
    let length = median * (sigma * normal).exp();
    (length as u64).clamp(*within.start(), *within.end())
}

/// From 0, which it never is, to 1.
pub fn share(word: u64) -> f64 {
    ((word >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

impl FromStr for Sizes {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "fixed" => Ok(Self::Fixed(bytes(rest)?)),
            "uniform" => Ok(Self::Uniform(range(rest)?)),
            "lognormal" => {
                let mut parts = rest.splitn(3, ':');
                let mut next = || parts.next().context("a lognormal has a median, a sigma and a range: lognormal:20KiB:1.5:1KiB..200MB");
                let (median, sigma, within) = (bytes(next()?)?, next()?.parse()?, range(next()?)?);
                Ok(Self::Lognormal { median, sigma, within })
            }
            "mixed" if rest.is_empty() => Ok(Self::Mixed),
            _ => bail!("{text:?} is none of fixed:SIZE, uniform:MIN..MAX, lognormal:MEDIAN:SIGMA:MIN..MAX and mixed"),
        }
    }
}

fn range(text: &str) -> anyhow::Result<RangeInclusive<u64>> {
    let (from, to) = text.split_once("..").with_context(|| format!("{text:?} is no range such as 1KiB..4MiB"))?;
    let (from, to) = (bytes(from)?, bytes(to)?);
    ensure!(from <= to, "the range {text} ends before it begins");
    Ok(from..=to)
}

const UNITS: [(&str, u64); 6] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

/// A length as people write it: `1000`, `16KiB`, `200MB`.
pub fn bytes(text: &str) -> anyhow::Result<u64> {
    let found = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (digits, factor) = found.unwrap_or((text, 1));
    let number: u64 = digits.trim().parse().with_context(|| format!("{text:?} is no size such as 16KiB"))?;
    number.checked_mul(factor).with_context(|| format!("{text:?} is too large"))
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) => write!(f, "fixed:{length}"),
            Self::Uniform(within) => write!(f, "uniform:{}..{}", within.start(), within.end()),
            Self::Lognormal { median, sigma, within } => write!(f, "lognormal:{median}:{sigma}:{}..{}", within.start(), within.end()),
            Self::Mixed => f.write_str("mixed"),
        }
    }
}

impl TryFrom<String> for Sizes {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        text.parse()
    }
}

impl From<Sizes> for String {
    fn from(sizes: Sizes) -> Self {
        sizes.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_read_as_it_is_written() {
        for text in ["fixed:1024", "uniform:100..1000", "lognormal:20480:1.5:1024..200000000", "mixed"] {
            assert_eq!(text.parse::<Sizes>().unwrap().to_string(), text);
        }
        assert_eq!("fixed:1KiB".parse::<Sizes>().unwrap(), Sizes::Fixed(1024));
        for text in ["fixed", "uniform:9..8", "lognormal:1KiB", "mixed:2", "normal:7", "fixed:99999999999GiB"] {
            assert!(text.parse::<Sizes>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_lognormal_has_its_median_in_the_middle_and_stays_within_its_range() {
        let sizes: Sizes = "lognormal:20KiB:1.5:1KiB..1MB".parse().unwrap();
        let mut lengths: Vec<u64> = (0..10_001).map(|number| sizes.draw(number)).collect();
        lengths.sort_unstable();
        assert!((18_000..23_000).contains(&lengths[5000]), "{}", lengths[5000]);
        assert!(lengths[0] == 1 << 10 && lengths[10_000] == 1_000_000, "both ends are reached, and nothing lies beyond them");
    }
}
