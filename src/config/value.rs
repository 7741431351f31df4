//! TOML values as what they mean: durations, byte sizes, names, paths. A reason that comes from here says what would be right.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use toml::de::DeValue;

/// A value, or the reason why it is none.
pub(super) type Parsed<T> = Result<T, String>;

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;
pub(super) const TIB: u64 = 1 << 40;

/// How much of a refused value is repeated.
const SHOWN_CHARS: usize = 60;

/// A refused value as a message repeats it: short, and on one line.
pub(super) fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(SHOWN_CHARS).collect::<String>())
}

fn mismatch(wanted: &str, value: &DeValue<'_>) -> String {
    format!("needs {wanted}, found {}", value.type_str())
}

pub(super) fn text<'a>(value: &'a DeValue<'_>) -> Parsed<&'a str> {
    value.as_str().ok_or_else(|| mismatch("a string", value))
}

pub(super) fn flag(value: &DeValue<'_>) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| mismatch("true or false", value))
}

/// Whatever a text parses to.
pub(super) fn parsed<T: FromStr<Err: Display>>(value: &DeValue<'_>) -> Parsed<T> {
    text(value)?.parse().map_err(|error: T::Err| error.to_string())
}

pub(super) fn integer<T: TryFrom<i64>>(value: &DeValue<'_>) -> Parsed<T> {
    let digits = value.as_integer().ok_or_else(|| mismatch("an integer", value))?;
    let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok().and_then(|number| number.try_into().ok());
    number.ok_or_else(|| format!("{} is out of range", shown(digits.as_str())))
}

pub(super) fn duration(value: &DeValue<'_>) -> Parsed<Duration> {
    let hint = "a duration such as \"500ms\", \"30s\", \"5m\" or \"1h\"";
    let text = value.as_str().ok_or_else(|| mismatch(hint, value))?;
    let signed = text.parse::<SignedDuration>().map_err(|_| format!("{} is not {hint}", shown(text)))?;
    Duration::try_from(signed).map_err(|_| format!("{} is negative", shown(text)))
}

pub(super) fn duration_text(duration: &Duration) -> String {
    SignedDuration::try_from(*duration).map_or_else(|_| format!("{duration:?}"), |signed| format!("{signed:#}"))
}

const BYTE_SIZE: &str = "a size such as \"64MiB\", \"1GB\" or a number of bytes";

pub(super) fn byte_size(value: &DeValue<'_>) -> Parsed<u64> {
    if value.is_integer() {
        return integer(value);
    }
    parse_byte_size(value.as_str().ok_or_else(|| mismatch(BYTE_SIZE, value))?)
}

/// A size as people write it, in the configuration and on the command line.
pub fn parse_byte_size(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number = digits.parse::<u64>().ok();
    let size = number.zip(unit_bytes(unit.trim())).and_then(|(number, unit)| number.checked_mul(unit));
    size.ok_or_else(|| format!("{} is not {BYTE_SIZE}", shown(text)))
}

fn unit_bytes(unit: &str) -> Option<u64> {
    match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "tb" => Some(1_000_000_000_000),
        "kib" => Some(KIB),
        "mib" => Some(MIB),
        "gib" => Some(GIB),
        "tib" => Some(TIB),
        _ => None,
    }
}

/// The size in the largest unit that divides it.
pub fn byte_size_text(size: &u64) -> String {
    let units = [(TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    let whole = units.into_iter().find(|(unit, _)| *size > 0 && size.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{size} bytes"), |(unit, name)| format!("{}{name}", size / unit))
}

pub(super) fn within<T: PartialOrd>(value: T, range: &RangeInclusive<T>, show: impl Fn(&T) -> String) -> Parsed<T> {
    if value < *range.start() {
        Err(format!("{} is below the minimum of {}", show(&value), show(range.start())))
    } else if value > *range.end() {
        Err(format!("{} is above the maximum of {}", show(&value), show(range.end())))
    } else {
        Ok(value)
    }
}

/// A path that `file` names: relative to the file's folder, and spelled as the file system has it, so that two spellings of
/// one place compare equal. What does not exist yet goes by its spelling.
pub(super) fn path_beside(file: &Path, named: &str) -> Parsed<PathBuf> {
    if named.is_empty() || named.contains('\0') {
        return Err(format!("{} is not a path", shown(named)));
    }
    let beside = file.parent().unwrap_or(Path::new("")).join(named);
    let absolute = std::path::absolute(&beside).unwrap_or(beside);
    let mut resolved = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                resolved.push(component);
                resolved = resolved.canonicalize().unwrap_or(resolved);
            }
        }
    }
    Ok(resolved)
}

/// The file of a `sqlite:` address. What was written is not repeated: another kind of address can hold a password.
pub(super) fn sqlite_path(file: &Path, value: &DeValue<'_>) -> Parsed<PathBuf> {
    let Some(named) = text(value)?.strip_prefix("sqlite:") else {
        return Err("is not a SQLite file: write \"sqlite:\" and a path, or name a server beside it".to_owned());
    };
    path_beside(file, named)
}

/// The known name that was probably meant.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this likeness a suggestion confuses more than it helps.
    const ALIKE: f64 = 0.7;
    let plain = name.to_ascii_lowercase().replace('-', "_");
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(&plain, known), known));
    scored.filter(|(score, _)| *score >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<T>(toml: &str, read: fn(&DeValue<'_>) -> Parsed<T>) -> Parsed<T> {
        read(DeValue::parse(toml).unwrap().get_ref())
    }

    #[test]
    fn durations_bear_their_unit() {
        for (toml, millis) in [(r#""500ms""#, 500), (r#""30s""#, 30_000), (r#""5m""#, 300_000), (r#""1h""#, 3_600_000)] {
            assert_eq!(parse(toml, duration), Ok(Duration::from_millis(millis)), "{toml}");
        }
        for bad in ["30", r#""30""#, r#""""#, r#""-1s""#, r#""1 fortnight""#, r#""99999999999999999999h""#] {
            assert!(parse(bad, duration).is_err(), "{bad}");
        }
    }

    #[test]
    fn byte_sizes_are_binary_decimal_or_plain() {
        for (toml, bytes) in [(r#""64MiB""#, 64 * MIB), (r#""1GB""#, 1_000_000_000), ("4_096", 4096), (r#""7""#, 7), (r#""2 kib""#, 2048)] {
            assert_eq!(parse(toml, byte_size), Ok(bytes), "{toml}");
        }
        for bad in ["-1", "1.5", r#""1.5GiB""#, r#""MiB""#, r#""1 parsec""#, r#""99999999TiB""#] {
            assert!(parse(bad, byte_size).is_err(), "{bad}");
        }
        assert_eq!(byte_size_text(&(16 * MIB)), "16MiB");
        assert_eq!(byte_size_text(&1000), "1000 bytes");
    }

    #[test]
    fn a_path_is_relative_to_the_file_that_names_it_and_has_one_spelling() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("config")).unwrap();
        let file = root.join("config/sluss.toml");
        for spelled in ["../data/a.db", "./../data//a.db", "../new/../data/a.db", root.join("data/a.db").to_str().unwrap()] {
            assert_eq!(path_beside(&file, spelled), Ok(root.join("data/a.db")), "{spelled}");
        }
        assert!(path_beside(&file, "").is_err());
        assert!(path_beside(&file, "a\0b").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_its_target_are_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
        assert_eq!(path_beside(&root.join("f"), "link/new/../a.db"), Ok(root.join("real/a.db")));
    }

    #[test]
    fn the_nearest_name_forgives_a_slip_and_does_not_guess_wildly() {
        let known = ["buffer_bytes", "max_document_bytes", "queue_timeout"];
        assert_eq!(nearest("buffer_byte", known), Some("buffer_bytes"));
        assert_eq!(nearest("Buffer-Bytes", known), Some("buffer_bytes"));
        assert_eq!(nearest("queue_timout", known), Some("queue_timeout"));
        assert_eq!(nearest("zzz", known), None);
    }
}
