//! `sluss doctor`: what is found on the tenants' databases and object stores, what it means, and what to do. It changes nothing but what it
//! puts into a store and takes out again.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{Exit, local};
use crate::app;
use crate::store::doctor::{Finding, Gravity};

/// How wide lines are.
const WIDTH: usize = 120;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<String>,
}

pub(super) async fn run(args: DoctorArgs, config: &Path, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = local::load(config) else { return Ok(Exit::Usage) };
    let Some(chosen) = local::chosen(&config, args.tenant.as_deref()) else { return Ok(Exit::Usage) };
    let mut exit = Exit::Done;
    for tenant in chosen {
        match app::examine(&config, tenant).await {
            Ok(findings) => {
                if findings.iter().any(|finding| finding.gravity >= Gravity::Warning) {
                    exit = Exit::Failed;
                }
                if json {
                    println!("{}", json!({ "tenant": tenant.id.as_str(), "findings": findings }));
                } else {
                    print(tenant.id.as_str(), &findings);
                }
            }
            Err(error) => {
                eprintln!("sluss: {}: {error:#}", tenant.id);
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

fn print(tenant: &str, findings: &[Finding]) {
    println!("{tenant}");
    let width = findings.iter().map(|finding| finding.about.chars().count()).max().unwrap_or_default();
    for Finding { gravity, about, found, advice } in findings {
        let mut column = format!("  {:<8} {about:<width$}  ", gravity.label());
        for (text, mark) in [(found, ""), (advice, "-> ")] {
            for line in wrapped(text, mark, WIDTH.saturating_sub(width + 13).max(40)) {
                println!("{column}{line}");
                column = " ".repeat(width + 13);
            }
        }
    }
}

/// No line for an empty text. `mark` stands before the first line, and the others keep clear of it.
fn wrapped(text: &str, mark: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{}{word}", " ".repeat(mark.len()))),
            None => lines.push(format!("{mark}{word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_clear_of_their_mark() {
        assert_eq!(wrapped("one two three", "-> ", 10), ["-> one two", "   three"]);
        assert!(wrapped("", "-> ", 10).is_empty());
    }
}
