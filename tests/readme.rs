//! The README is run: its session, command by command, in a folder of its own, and what it says comes out has to come out. So are the
//! examples for the application's developers, which go on from it.
//! Links in it and in the documents have to lead somewhere.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sluss_s3::free_port;

/// The session takes some seconds; a command in it that hangs is not waited for longer than this.
const PATIENCE_SECONDS: &str = "180";

/// Programs of the session that are not ours.
const PROGRAMS: [&str; 5] = ["bash", "curl", "make", "openssl", "sqlite3"];

/// Building is not the test's to do: the program is there. Whatever a command starts ends with the session.
const PRELUDE: &str = "set -euo pipefail\ncargo() { :; }\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n";

/// A fenced block: commands, and the lines that they print, among others.
struct Step {
    commands: String,
    prints: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    text_of("README.md")
}

fn text_of(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The `sh` blocks in order, each with the `text` block that follows it.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in text.split("\n```").skip(1).step_by(2) {
        let (kind, body) = block.split_once('\n').unwrap();
        match (kind, steps.last_mut()) {
            ("sh", _) => steps.push(Step { commands: body.to_owned(), prints: Vec::new() }),
            ("text", Some(step)) => step.prints = body.lines().map(str::to_owned).collect(),
            // The diagram comes before the first command.
            ("text", None) => {}
            // There is no compiler for it here.
            ("csharp", _) => {}
            (other, _) => panic!("a block of kind {other:?} is neither run nor checked"),
        }
    }
    steps
}

/// Makefile targets that a text names.
fn targets(text: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect::<String>();
    let found = text.match_indices("make ").map(|(at, it)| (text[..at].chars().last(), word(&text[at + it.len()..])));
    let in_code = |before: &Option<char>| matches!(before, None | Some('`' | '\n'));
    found.filter(|(before, target)| in_code(before) && !target.is_empty()).map(|(_, target)| target).collect()
}

/// What a session of these steps printed, step by step.
fn run(steps: &[Step]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let script =
        steps.iter().enumerate().map(|(number, step)| format!("echo; echo '@@ {number}'\n{}\n", step.commands)).collect::<String>();
    let [documents, admin, agent] = [free_port(), free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let script = format!("{PRELUDE}{script}")
        .replace("127.0.0.1:8080", &documents)
        .replace("127.0.0.1:8081", &admin)
        .replace("127.0.0.1:8082", &agent);
    let file = folder.path().join("session.sh");
    fs::write(&file, script).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_sluss")).parent().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the session's commands need the path that this test has")]
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let log = fs::File::create(folder.path().join("printed")).unwrap();
    let status = Command::new("timeout")
        .args([PATIENCE_SECONDS, "bash"])
        .arg(&file)
        .current_dir(root())
        .env("PATH", path)
        .env("TMPDIR", folder.path())
        .env("SLUSS_ADMIN_URL", format!("http://{admin}"))
        .env_remove("SLUSS_CONFIG")
        .stdin(Stdio::null())
        .stderr(log.try_clone().unwrap())
        .stdout(log)
        .status()
        .unwrap();
    let printed = fs::read_to_string(folder.path().join("printed")).unwrap().replace('\r', "");
    assert!(status.success(), "the session ended with {status}:\n{printed}");
    printed.split("\n@@ ").skip(1).map(|part| part.split_once('\n').unwrap().1.to_owned()).collect()
}

/// The first expected line that does not come after the one before it.
fn missing<'a>(expected: &'a [String], printed: &str) -> Option<&'a String> {
    let mut rest = printed;
    expected.iter().find(|line| match rest.find(line.as_str()) {
        Some(at) => {
            rest = &rest[at + line.len()..];
            false
        }
        None => true,
    })
}

#[test]
fn the_session_of_the_readme_runs_as_it_is_written_and_prints_what_it_says() {
    let steps = steps(&readme());
    assert!(steps.len() > 8, "the README has lost its session");
    // The first block is the two commands of the project itself, which are checked below.
    assert_prints_what_it_says(&steps[1..]);
}

#[test]
fn the_examples_for_applications_run_where_the_readme_has_begun_to_serve() {
    let mut session = steps(&readme());
    let serving = session.iter().position(|step| step.commands.contains("sluss serve")).unwrap();
    session.truncate(serving + 1);
    session.remove(0);
    let examples = steps(&text_of("docs/for-applications.md"));
    assert!(examples.len() > 6, "the examples are gone");
    session.extend(examples);
    assert_prints_what_it_says(&session);
}

#[track_caller]
fn assert_prints_what_it_says(session: &[Step]) {
    for program in PROGRAMS {
        let there = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status().unwrap();
        assert!(there.success(), "{program} is missing; `make test` installs it");
    }
    let printed = run(session);
    assert_eq!(printed.len(), session.len());
    for (step, printed) in session.iter().zip(&printed) {
        if let Some(line) = missing(&step.prints, printed) {
            panic!("{line:?} was not printed, or not in its place, by\n{}\nwhich printed\n{printed}", step.commands);
        }
    }
}

#[test]
fn every_make_target_that_is_named_exists() {
    let mut texts = vec![readme()];
    texts.extend(documents().iter().map(|file| fs::read_to_string(file).unwrap()));
    let mut named: Vec<String> = texts.iter().flat_map(|text| targets(text)).collect();
    named.sort();
    named.dedup();
    for needed in ["demo", "test"] {
        assert!(named.iter().any(|target| target == needed), "the README does not name make {needed}");
    }
    for target in named {
        let dry = Command::new("make").args(["-n", &target]).current_dir(root()).env_remove("MAKEFLAGS").output().unwrap();
        assert!(dry.status.success(), "make {target}: {}", String::from_utf8_lossy(&dry.stderr));
    }
}

/// Every Markdown file of the project but the README.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = ["docs", "grafana", "packaging"].iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_link_leads_to_a_file_of_this_project() {
    let mut wrong = Vec::new();
    for file in documents().into_iter().chain([root().join("README.md")]) {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let target = file.parent().unwrap().join(link.split('#').next().unwrap());
            let inside = target.canonicalize().is_ok_and(|target| target.starts_with(root().canonicalize().unwrap()));
            if !inside {
                wrong.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_line_out_of_its_place_is_missed() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(missing(&lines("one\ntwo"), "one\nand two\n"), None);
    assert_eq!(missing(&lines("two\none"), "one\nand two\n"), Some(&"one".to_owned()));
    assert_eq!(targets("`make demo` and\nmake test; we make nothing"), ["demo", "test"]);
}
