//! What a document's row says beside its content.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const KINDS: [(&str, &str, &str); 5] = [
    ("Letter", "pdf", "application/pdf"),
    ("Invoice", "pdf", "application/pdf"),
    ("Minutes", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("Picture", "png", "image/png"),
    ("Statusrapport å ä ö", "txt", "text/plain"),
];

/// 2024-01-01.
const FIRST: i64 = 1_704_067_200;

pub(super) struct Row {
    pub(super) project: String,
    pub(super) file_name: String,
    pub(super) media_type: &'static str,
    /// As SQLite and SQL Server both read it.
    pub(super) modified_at: String,
}

pub(super) fn row(id: u64) -> Row {
    let (title, extension, media_type) = KINDS[(id % KINDS.len() as u64) as usize];
    let at = Timestamp::from_second(FIRST + (id % 60_000_000) as i64).expect("some seconds after 2024 are a time");
    let modified_at = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string();
    Row { project: format!("Project {}", id % 97), file_name: format!("{title} {id}.{extension}"), media_type, modified_at }
}
