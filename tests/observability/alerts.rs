//! The alert rules as files: valid, tested one by one, and each with a runbook that an operator can follow.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::{faults, files, root, said_by, series, text};

/// A rule, as its lines stand in the file. The files keep to one form, so that they can be read without a YAML parser.
struct Alert {
    name: String,
    lines: Vec<String>,
}

impl Alert {
    fn value(&self, key: &str) -> &str {
        let value = self.lines.iter().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("{} has no {key}", self.name))
    }
}

fn alerts() -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    for file in files("grafana/alerts", ".yaml") {
        for line in fs::read_to_string(file).unwrap().lines() {
            if let Some(name) = line.strip_prefix("      - alert: ") {
                alerts.push(Alert { name: name.to_owned(), lines: Vec::new() });
            } else if let Some(alert) = alerts.last_mut() {
                alert.lines.push(line.to_owned());
            }
        }
    }
    assert!(alerts.len() > 10, "the alerts are not where this test looks");
    alerts
}

fn names() -> BTreeSet<String> {
    alerts().into_iter().map(|alert| alert.name).collect()
}

#[test]
fn promtool_takes_every_rule() {
    let said =
        said_by(Command::new("promtool").args(["check", "rules", "--lint=all", "--lint-fatal"]).args(files("grafana/alerts", ".yaml")));
    assert_eq!(said.matches("SUCCESS").count(), files("grafana/alerts", ".yaml").len(), "{said}");
}

#[test]
fn every_alert_fires_and_clears_and_a_quiet_hour_fires_none() {
    let tests = files("grafana/alerts/tests", ".yaml");
    said_by(Command::new("promtool").args(["test", "rules"]).args(&tests));
    let told: String = tests.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for name in names() {
        assert!(told.contains(&format!("alertname=\"{name}\",alertstate=\"firing\"")), "nothing makes {name} fire");
    }
    let rules = files("grafana/alerts", ".yaml");
    let quiet = text("grafana/alerts/tests/quiet.yaml");
    assert!(rules.iter().all(|file| quiet.contains(file.file_name().unwrap().to_str().unwrap())), "the quiet hour leaves out rules");
}

#[test]
fn every_rule_asks_for_series_and_labels_that_exist() {
    let series = series();
    for file in files("grafana/alerts", ".yaml") {
        let rules = fs::read_to_string(&file).unwrap();
        // Without comments and annotations, whose braces are templates.
        let queries: String = rules
            .split("        annotations:")
            .map(|part| part.split_once("      - ").map_or("", |(_, rule)| rule))
            .flat_map(str::lines)
            .filter(|line| !line.trim_start().starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(faults(&queries, &series), Vec::<String>::new(), "{}", file.display());
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    for alert in alerts() {
        let name = &alert.name;
        assert!(["page", "ticket"].contains(&alert.value("severity")), "{name}");
        assert!(!alert.value("summary").is_empty() && alert.lines.iter().any(|line| line.trim().starts_with("description:")), "{name}");
        assert_eq!(alert.value("runbook_url"), format!("docs/runbooks/{name}.md"), "{name}");
        let runbook = text(alert.value("runbook_url"));
        assert!(runbook.starts_with(&format!("# {name}\n")), "{name}: its runbook has another title");
        let headings: Vec<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, ["What it means", "How bad it is", "What to look at", "What to do", "When it clears"], "{name}");
    }
}

#[test]
fn there_is_no_runbook_without_an_alert_and_the_operators_guide_lists_them_all() {
    let runbooks = files("docs/runbooks", ".md").into_iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(runbooks.collect::<BTreeSet<_>>(), names());
    let guide = text("docs/operations.md");
    for name in names() {
        assert!(guide.contains(&format!("[{name}](runbooks/{name}.md)")), "docs/operations.md does not list {name}");
    }
}

/// Commands that runbooks tell operators to type are ones that there are.
#[test]
fn the_commands_of_runbooks_exist() {
    let mut tried = BTreeSet::new();
    for file in files("docs/runbooks", ".md") {
        let text = fs::read_to_string(&file).unwrap();
        for command in text.split("sluss ").skip(1).filter(|rest| text_before_is_code(&text, rest)) {
            let words: Vec<&str> = command.split([' ', '\n', '`']).take(2).take_while(|word| is_subcommand(word)).collect();
            if words.is_empty() || !tried.insert(words.join(" ")) {
                continue;
            }
            said_by(Command::new(env!("CARGO_BIN_EXE_sluss")).args(&words).arg("--help"));
        }
    }
    assert!(tried.len() > 5, "{tried:?}");
}

/// Behind a back-tick, or at the beginning of an indented line.
fn text_before_is_code(text: &str, rest: &str) -> bool {
    let before = &text[..text.len() - rest.len() - "sluss ".len()];
    before.ends_with('`') || before.ends_with("\n    ")
}

fn is_subcommand(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
}

#[test]
fn the_example_of_a_prometheus_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("alerts")).unwrap();
    for rules in files("grafana/alerts", ".yaml") {
        fs::copy(&rules, folder.path().join("alerts").join(rules.file_name().unwrap())).unwrap();
    }
    let file = folder.path().join("prometheus.yaml");
    // The token's file is the reader's to write; without the line, Prometheus looks at everything else.
    let example = text("grafana/prometheus.yaml");
    fs::write(&file, example.replace("/etc/prometheus/sluss.token", root().join("grafana/README.md").to_str().unwrap())).unwrap();
    let said = said_by(Command::new("promtool").args(["check", "config"]).arg(&file));
    // The file, that its rules are there, and each of these.
    assert_eq!(said.matches("SUCCESS").count(), 2 + files("grafana/alerts", ".yaml").len(), "{said}");
}
