//! How far long work is: a bar on a terminal, a line now and then otherwise, nothing beside `--json`.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// Between two lines where there is no terminal to draw a bar on.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// With how much there is to do, and without.
const BAR: &str = "{prefix}: [{bar:24}] {percent:>3} % {wide_msg}";
const NO_END: &str = "{prefix}: {spinner} {wide_msg}";

/// The progress of one command's work.
pub(super) struct Progress {
    shown: Shown,
    /// Keeps the rate, drawn or not.
    bar: ProgressBar,
    what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Bar,
    Lines { due: Instant },
    Nothing,
}

impl Progress {
    /// `what`: whose work it is.
    pub(super) fn new(what: &str, json: bool) -> Self {
        let shown = match (json, std::io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar,
            (false, false) => Shown::Lines { due: Instant::now() + LINE_EVERY },
        };
        let bar = if shown == Shown::Bar { ProgressBar::no_length() } else { ProgressBar::hidden() };
        bar.set_style(style(NO_END));
        let bar = bar.with_prefix(what.to_owned());
        Self { shown, bar, what: what.to_owned() }
    }

    /// `told`: the rest of the line, which may want to know how fast it goes.
    pub(super) fn show(&mut self, done: u64, total: Option<u64>, told: impl FnOnce(&str) -> String) {
        let total = total.filter(|total| *total > 0);
        let told = told(&self.pace());
        if let Shown::Lines { due } = &mut self.shown
            && Instant::now() >= *due
        {
            *due = Instant::now() + LINE_EVERY;
            println!("{}: {}{told}", self.what, total.map(|total| part(done, total)).unwrap_or_default());
        }
        self.draw(done, total, told);
    }

    /// All of it at once: a bar that is drawn for each change shows what never was.
    fn draw(&self, done: u64, total: Option<u64>, told: String) {
        if total.is_none() && self.bar.length().is_some() {
            self.bar.unset_length();
        }
        self.bar.set_style(style(if total.is_some() { BAR } else { NO_END }));
        // The one way to set it without drawing; all clones are one bar.
        drop(self.bar.clone().with_message(told));
        self.bar.update(|state| {
            state.set_pos(done);
            if let Some(total) = total {
                state.set_len(total);
            }
        });
    }

    /// Prints a line of its own beside the bar.
    pub(super) fn beside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// As measured here: what comes in a second, and what is left. Empty where nothing has come yet.
    fn pace(&self) -> String {
        let (rate, left) = (self.bar.per_sec(), self.bar.eta().as_secs());
        let rate = if rate >= 0.05 { format!(", {}/s", told_rate(rate)) } else { return String::new() };
        if left > 0 { format!("{rate}, {} left", duration(left)) } else { rate }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are ours").progress_chars("##-")
}

fn part(done: u64, total: u64) -> String {
    format!("{} %, ", done.min(total) * 100 / total)
}

fn told_rate(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

/// In the unit that a person would take.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        3600.. => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::*;

    #[test]
    fn what_is_left_is_told_in_the_unit_that_a_person_would_take() {
        assert_eq!([59, 61, 3600, 7322].map(duration), ["59 s", "2 min", "1 h 0 min", "2 h 2 min"]);
        assert_eq!([0.31, 9.96, 12.4].map(told_rate), ["0.3", "10.0", "12"]);
        assert_eq!([part(0, 9), part(5, 9), part(12, 9)], ["0 %, ", "55 %, ", "100 %, "]);
    }

    #[test]
    fn a_line_is_told_without_a_terminal_and_nothing_beside_json() {
        let mut told = Vec::new();
        for json in [false, true] {
            let mut progress = Progress::new("acme", json);
            progress.bar.set_draw_target(ProgressDrawTarget::hidden());
            progress.show(3, Some(4), |pace| {
                told.push(pace.to_owned());
                String::new()
            });
            assert_eq!((progress.bar.position(), progress.bar.length()), (3, Some(4)));
            progress.show(3, Some(0), |_| String::new());
            assert_eq!(progress.bar.length(), None, "of nothing, nothing is a part");
            assert_eq!(progress.shown == Shown::Nothing, json);
        }
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn every_template_can_be_drawn() {
        [BAR, NO_END].into_iter().for_each(|template| drop(style(template)));
    }
}
