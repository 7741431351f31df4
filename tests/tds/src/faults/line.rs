//! Faults in words, one command a line, for those who steer a server in another process.
//!
//! ```text
//! delay MILLISECONDS
//! cut before|after|BYTES [times N] [probability P] [containing TEXT]
//! error NUMBER [times N] [probability P] [rollback|keep] [containing TEXT]
//! logins NUMBER|accept
//! cut-all
//! seed N
//! clear
//! counts
//! ```
//!
//! `TEXT` is the rest of the line. The answer is one line: `ok`, the counts, or `error: ...`.

use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

use super::{Cut, Faults, Rule};

/// Does what a line says, and answers it.
pub fn obey(faults: &Faults, line: &str) -> String {
    match try_obey(faults, line) {
        Ok(answer) => answer,
        Err(problem) => format!("error: {problem}"),
    }
}

fn try_obey(faults: &Faults, line: &str) -> Result<String, String> {
    let (line, containing) = match line.split_once(" containing ") {
        Some((line, text)) => (line, Some(text.trim_end())),
        None => (line, None),
    };
    let mut words = line.split_whitespace();
    match words.next().unwrap_or_default() {
        "delay" => faults.delay_answers(Duration::from_millis(value(&mut words)?)),
        "cut" => {
            let cut = match words.next() {
                Some("before") => Cut::BeforeExecution,
                Some("after") => Cut::AfterExecution,
                bytes => Cut::InAnswer(parsed(bytes)?),
            };
            faults.add(narrowed(Rule::cut(cut), words, containing)?);
        }
        "error" => {
            let number = value(&mut words)?;
            faults.add(narrowed(Rule::error(number), words, containing)?);
        }
        "logins" => match words.next() {
            Some("accept") => faults.refuse_logins(None),
            number => faults.refuse_logins(Some(parsed(number)?)),
        },
        "cut-all" => faults.cut_all(),
        "seed" => faults.seed(value(&mut words)?),
        "clear" => faults.clear(),
        "counts" => return Ok(format!("{:?}", faults.counts())),
        other => return Err(format!("no command {other:?}")),
    }
    Ok("ok".to_owned())
}

fn narrowed(mut rule: Rule, mut words: SplitWhitespace<'_>, containing: Option<&str>) -> Result<Rule, String> {
    while let Some(word) = words.next() {
        rule = match word {
            "times" => rule.times(value(&mut words)?),
            "probability" => rule.probability(value(&mut words)?),
            "rollback" => rule.rolling_back(true),
            "keep" => rule.rolling_back(false),
            other => return Err(format!("no condition {other:?}")),
        };
    }
    Ok(match containing {
        Some(text) => rule.containing(text),
        None => rule,
    })
}

fn value<T: FromStr>(words: &mut SplitWhitespace<'_>) -> Result<T, String> {
    parsed(words.next())
}

fn parsed<T: FromStr>(word: Option<&str>) -> Result<T, String> {
    let word = word.ok_or("a value is missing")?;
    word.parse().map_err(|_| format!("{word:?} is no value for this"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_all_that_a_rule_can() {
        let faults = Faults::default();
        assert_eq!(obey(&faults, "error 1205 times 3 probability 0.5 rollback containing UPDATE dbo.documents"), "ok");
        assert_eq!(
            faults.state().rules,
            [Rule::error(1205).times(3).probability(0.5).rolling_back(true).containing("UPDATE dbo.documents")]
        );
        assert_eq!(obey(&faults, "cut 100"), "ok");
        assert_eq!(faults.state().rules[1], Rule::cut(Cut::InAnswer(100)));
        assert_eq!(obey(&faults, "clear"), "ok");
        assert!(faults.state().rules.is_empty());
        assert!(obey(&faults, "cut").starts_with("error: "));
        assert!(obey(&faults, "error 1205 often").starts_with("error: "));
        assert!(obey(&faults, "counts").contains("connections_open: 0"));
    }
}
