//! Log lines on standard error: text for a person at a terminal, JSON for everybody else. Standard output is the command's own.

use std::fmt;
use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// Names what is logged, as `info,sluss::migrate=debug`.
const FILTER_VARIABLE: &str = "SLUSS_LOG";

/// The drivers of SQL Server log what they carry: each error of the server's, which our own lines repeat where somebody has to act, and
/// whole rows at the finest level. Nothing that somebody asks for by the variable brings a document into a log.
const SILENT: [&str; 4] = ["tiberius=off", "mssql_client=off", "mssql_tls=off", "mssql_codec=off"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

impl LogFormat {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    fn is_json(self, terminal: bool) -> bool {
        match self {
            Self::Auto => !terminal,
            Self::Text => false,
            Self::Json => true,
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for LogFormat {
    type Err = LoggingError;
    fn from_str(text: &str) -> Result<Self, LoggingError> {
        let known = [Self::Auto, Self::Text, Self::Json];
        known.into_iter().find(|format| format.label() == text).ok_or_else(|| LoggingError::Format(text.chars().take(40).collect()))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    #[error("{0:?} is not a log format: use auto, text or json")]
    Format(String),
    #[error("{FILTER_VARIABLE} does not say what to log: {0}")]
    Filter(#[from] tracing_subscriber::filter::FromEnvError),
    #[error("logging was set up twice: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Begins logging for the whole process, panics included; `SLUSS_LOG` chooses the lines, and `default` does without it. Call it once, at the start.
pub fn init(format: LogFormat, default: LevelFilter) -> Result<(), LoggingError> {
    let filter = EnvFilter::builder().with_default_directive(default.into()).with_env_var(FILTER_VARIABLE).from_env()?;
    let terminal = std::io::stderr().is_terminal();
    subscriber(format.is_json(terminal), terminal, without_drivers(filter), std::io::stderr).try_init()?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn without_drivers(filter: EnvFilter) -> EnvFilter {
    let silent = SILENT.iter().map(|directive| directive.parse().expect("each is a target and a level"));
    silent.fold(filter, EnvFilter::add_directive)
}

fn subscriber<W>(json: bool, colours: bool, filter: EnvFilter, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if json {
        // The whole list of spans, not the innermost alone: a copy inside a job has to tell the job's id.
        Box::new(lines.json().flatten_event(true).with_current_span(false).with_span_list(true).finish())
    } else {
        Box::new(lines.with_ansi(colours).finish())
    }
}

/// A panic ends its task only, so it must show where the other lines are read.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic.location = place, "panic at {place}: {message}");
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(json, false, EnvFilter::new("info"), move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            let _job = tracing::info_span!("job", job.id = 7, tenant = "acme").entered();
            let _piece = tracing::info_span!("piece", number = 3).entered();
            tracing::info!(size_bytes = 12, "copied acme/documents/1");
            tracing::debug!("not at this level");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_tells_the_fields_of_all_its_spans() {
        let text = logged(true);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "copied acme/documents/1");
        assert_eq!(line["size_bytes"], 12);
        assert_eq!(line["spans"][0]["job.id"], 7);
        assert_eq!(line["spans"][0]["tenant"], "acme");
        assert_eq!(line["spans"][1]["number"], 3);
    }

    #[test]
    fn a_text_line_reads_alone() {
        let text = logged(false);
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("copied acme/documents/1") && text.contains("tenant=\"acme\""), "{text}");
    }

    #[test]
    fn auto_is_text_on_a_terminal_only() {
        assert!(!LogFormat::Auto.is_json(true));
        assert!(LogFormat::Auto.is_json(false));
        assert!(LogFormat::Json.is_json(true));
        assert!(!LogFormat::Text.is_json(false));
    }

    #[test]
    fn a_format_survives_its_text() {
        for format in [LogFormat::Auto, LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse::<LogFormat>().unwrap(), format);
        }
        assert_eq!("xml".parse::<LogFormat>().unwrap_err().to_string(), "\"xml\" is not a log format: use auto, text or json");
    }

    #[test]
    fn a_driver_is_silent_whatever_is_asked_for() {
        let lines = Lines::default();
        let writer = lines.clone();
        let filter = without_drivers(EnvFilter::new("trace,tiberius=trace"));
        tracing::subscriber::with_default(subscriber(false, false, filter, move || writer.clone()), || {
            tracing::error!(target: "tiberius::tds::stream::token", "the content of a document");
            tracing::trace!("ours");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("ours") && !text.contains("content"), "{text}");
    }
}
