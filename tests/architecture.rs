//! Keeps the house as `src/lib.rs` draws it: imports run downwards, backends are named in one place, files stay small enough to
//! read. It reads the sources as text, so it costs no build.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each line may use the lines below it, and nothing beside it.
const LAYERS: [&[&str]; 15] = [
    &["main"],
    &["cli"],
    &["demo"],
    &["app"],
    &["admin", "housekeeping"],
    &["gateway", "migrate"],
    &["backup"],
    &["cache", "compare"],
    &["watch"],
    &["tenants"],
    &["store"],
    &["client"],
    &["config", "telemetry", "clock", "budget", "serve", "stop", "openapi"],
    &["body", "causes", "lock"],
    &["model"],
];

/// A file that is longer is two files.
const MAX_LINES: usize = 500;

struct Source {
    /// Relative to the project's folder, as `src/store/sql.rs`.
    path: String,
    text: String,
}

impl Source {
    /// Whole files of tests, which no product code sees.
    fn is_test(&self) -> bool {
        !self.path.starts_with("src/") || self.path.ends_with("/tests.rs")
    }

    /// The room in whose folder the file lies, and how many folders below the crate's root its module is.
    fn room(&self) -> Option<(&str, usize)> {
        let path = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let path = path.strip_suffix("/mod").unwrap_or(path);
        Some((path.split('/').next().unwrap_or(path), path.split('/').count()))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.push(Source { path, text });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(found.len() > 10, "the sources are not where this test looks");
    found
}

/// The lines that a compiler reads. Comments may name any room.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.map(|(number, line)| (number, line.split_once("//").map_or(line, |(code, _)| code)))
}

/// The code without its `#[cfg(test)]` modules.
fn product(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let (mut marked, mut inside) = (false, false);
    for (number, line) in code(text) {
        if inside {
            inside = line != "}";
        } else if marked && line.starts_with("mod ") && line.ends_with('{') {
            (marked, inside) = (false, true);
        } else {
            marked = line == "#[cfg(test)]";
            lines.push((number, line));
        }
    }
    lines
}

/// Rooms that a line names behind `prefix`, braces included: `crate::{app, store::sql}` names two.
fn rooms_behind(prefix: &str, line: &str) -> BTreeSet<String> {
    let name = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = BTreeSet::new();
    for (at, _) in line.match_indices(prefix) {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &line[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            rooms.insert(name(rest));
            continue;
        };
        let mut depth = 0;
        let outer: String = group
            .chars()
            .take_while(|c| {
                depth += i32::from(*c == '{') - i32::from(*c == '}');
                depth >= 0
            })
            .scan(0, |inner, c| {
                *inner += i32::from(c == '{') - i32::from(c == '}');
                Some(if *inner == 0 { c } else { ' ' })
            })
            .collect();
        rooms.extend(outer.split(',').map(name).filter(|name| !name.is_empty()));
    }
    rooms
}

/// All that a file names of the crate's top level, with the line.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let depth = source.room().map_or(0, |(_, depth)| depth);
    // So many `super` lead from this file to the root.
    let upwards = "super::".repeat(depth);
    // One statement can take several lines; the first one is told.
    let mut statements: Vec<(usize, String)> = Vec::new();
    for (number, line) in code(&source.text) {
        match statements.last_mut() {
            Some((_, open)) if is_open_import(open) => *open += line.trim(),
            _ => statements.push((number, line.to_owned())),
        }
    }
    let mut found = Vec::new();
    for (number, line) in statements {
        let prefixes = if source.path == "src/main.rs" { vec!["sluss::"] } else { vec!["crate::", upwards.as_str()] };
        // Further in, one `super` belongs to an inline module.
        let reaches_root = |prefix: &str| !prefix.starts_with("super") || line.starts_with("use ") || line.starts_with("pub");
        let rooms = prefixes.into_iter().filter(|prefix| reaches_root(prefix)).flat_map(|prefix| rooms_behind(prefix, &line));
        found.extend(rooms.filter(|room| !["super", "self", ""].contains(&room.as_str())).map(|room| (number, room)));
    }
    found
}

fn is_open_import(statement: &str) -> bool {
    let begins = ["use ", "pub use ", "pub(crate) use "].iter().any(|begin| statement.trim_start().starts_with(begin));
    begins && !statement.contains(';')
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// What is wrong with a file's imports, a line each.
fn upward_imports(source: &Source) -> Vec<String> {
    let Some((room, _)) = source.room() else { return Vec::new() };
    if room == "lib" {
        return Vec::new();
    }
    let Some(own) = layer(room) else { return vec![format!("{}: {room} is in no layer of this test", source.path)] };
    let wrong = |(number, other): (usize, String)| {
        let path = &source.path;
        match layer(&other) {
            _ if other == room => None,
            Some(layer) if layer > own => None,
            Some(_) => Some(format!("{path}:{number}: {room} must not use {other}")),
            None => Some(format!("{path}:{number}: {other} is in no layer of this test")),
        }
    };
    imports(source).into_iter().filter_map(wrong).collect()
}

#[track_caller]
fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_run_downwards_only() {
    let sources = sources(&["src"]);
    let rooms: BTreeSet<&str> = sources.iter().filter_map(|source| source.room()).map(|(room, _)| room).collect();
    let drawn: BTreeSet<&str> = LAYERS.iter().copied().flatten().copied().chain(["lib"]).collect();
    assert_eq!(rooms, drawn, "the rooms that are there, and those of this test");
    assert_none(&sources.iter().flat_map(upward_imports).collect::<Vec<_>>());
}

#[test]
fn only_the_composition_root_names_a_backend() {
    let homes = ["src/app/", "src/store/sqlite/", "src/store/mssql/", "src/store/disk", "src/store/s3"];
    let is_home = |path: &str| homes.iter().any(|home| path.starts_with(home));
    let mut wrong = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| !source.is_test() && !is_home(&source.path)) {
        for (number, line) in product(&source.text) {
            let named = [
                "store::sqlite",
                "store::mssql",
                "store::disk",
                "store::s3",
                "SqliteTenant",
                "SqliteControl",
                "SqliteFile",
                "SqlServerTenant",
                "DiskStore",
                "S3Store",
                "S3Client",
            ]
            .iter()
            .find(|it| line.contains(**it));
            wrong.extend(named.map(|backend| format!("{}:{number}: names {backend}", source.path)));
        }
    }
    assert_none(&wrong);
}

#[test]
fn only_a_backend_speaks_to_its_driver() {
    // The demo's seed plays the customer, whose programs write to the database themselves. Logging silences what must not be logged.
    let may = |path: &str| {
        path.starts_with("src/store/sqlite/")
            || path.starts_with("src/store/mssql/")
            || path.starts_with("src/store/s3/")
            || path == "src/demo/seed.rs"
            || path == "src/telemetry/logging.rs"
    };
    let mut wrong = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| !may(&source.path)) {
        let speaks = |line: &str| ["rusqlite", "deadpool", "tiberius", "mssql_client", "aws_"].iter().any(|driver| line.contains(driver));
        wrong.extend(code(&source.text).filter(|(_, line)| speaks(line)).map(|(number, _)| format!("{}:{number}", source.path)));
    }
    assert_none(&wrong);
}

#[test]
fn every_file_says_what_it_is_for_and_fits_into_a_head() {
    let mut wrong = Vec::new();
    for source in sources(&["src", "tests", "loadtest"]) {
        let lines = source.text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{}: {lines} lines, and {MAX_LINES} are the most", source.path));
        }
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{}: does not open with what it is for", source.path));
        }
    }
    assert_none(&wrong);
}

#[test]
fn no_product_code_unwraps() {
    let mut wrong = Vec::new();
    for source in sources(&["src", "loadtest/src"]).iter().filter(|source| !source.path.ends_with("/tests.rs")) {
        let unwraps = product(&source.text).into_iter().filter(|(_, line)| line.contains(".unwrap()"));
        wrong.extend(unwraps.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    assert_none(&wrong);
}

mod this_test_itself {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn finds_an_import_that_runs_upwards_in_any_spelling() {
        let upwards = [
            ("src/model/phase.rs", "use crate::store::sql::SqlStore;"),
            ("src/model/phase.rs", "use crate::{model::id, store};"),
            ("src/model/phase.rs", "use crate::{\n    clock,\n    model::{id, job},\n};"),
            ("src/model/phase.rs", "fn f() { crate::app::init(); }"),
            ("src/model/phase.rs", "use super::super::store::sql::SqlStore;"),
            ("src/gateway/read.rs", "use crate::migrate::copy::copy;"),
            ("src/tenants.rs", "use super::gateway;"),
            ("src/demo/mod.rs", "use crate::cli::Exit;"),
            ("src/cli/mod.rs", "use crate::main;"),
        ];
        for (path, text) in upwards {
            assert_eq!(upward_imports(&source(path, text)).len(), 1, "{path}: {text}");
        }
        assert_eq!(upward_imports(&source("src/news.rs", "")), ["src/news.rs: news is in no layer of this test"]);
    }

    #[test]
    fn leaves_downward_imports_and_comments_alone() {
        let sound = [
            ("src/store/sql.rs", "use crate::model::{id::DocKey, phase};"),
            ("src/store/disk/tail.rs", "use super::super::error;\nuse super::Call;"),
            ("src/model/phase.rs", "// as crate::store does\n/// See [`crate::app`].\nuse super::job;"),
            ("src/model/phase.rs", "pub(in crate::model) fn f() {}"),
            ("src/tenants.rs", "mod tests {\n    use super::*;\n    use super::gateway;\n}"),
            ("src/main.rs", "use sluss::cli::{self, Cli};"),
        ];
        for (path, text) in sound {
            assert_none(&upward_imports(&source(path, text)));
        }
    }

    #[test]
    fn tells_product_code_from_tests() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests;\nfn b() {}\n#[cfg(test)]\nmod inline {\n    fn c() { x.unwrap(); }\n}\nfn d() {} // .unwrap()";
        let lines: Vec<&str> = product(text).into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines.concat(), "fn a() {}#[cfg(test)]mod tests;fn b() {}#[cfg(test)]fn d() {} ");
    }
}
