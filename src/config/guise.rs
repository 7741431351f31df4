//! `response_headers`: a document's answer in the guise of an existing API's, header by header.

use http::HeaderName;
use http::header::{CONNECTION, TRANSFER_ENCODING, UPGRADE};
use toml::de::DeValue;

use super::value::{self, Parsed};

/// One header of an answer. Where one of its values is not there, neither is the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderLine {
    pub name: HeaderName,
    /// The name in the case in which it was written.
    pub spelled: String,
    pub parts: Vec<ValuePart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuePart {
    Text(String),
    Value(AnswerValue),
}

/// What an answer can say of its document, and of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerValue {
    MediaType,
    FileName,
    /// Percent-encoded UTF-8.
    FileNameEncoded,
    Disposition,
    Length,
    ContentRange,
    Etag,
    LastModified,
    Date,
    ServedFrom,
    RequestId,
    Tenant,
    Collection,
    Id,
    /// Where a document that was made is read.
    Location,
}

impl AnswerValue {
    const ALL: [(&'static str, Self); 15] = [
        ("media_type", Self::MediaType),
        ("file_name", Self::FileName),
        ("file_name_encoded", Self::FileNameEncoded),
        ("content_disposition", Self::Disposition),
        ("length", Self::Length),
        ("content_range", Self::ContentRange),
        ("etag", Self::Etag),
        ("last_modified", Self::LastModified),
        ("date", Self::Date),
        ("served_from", Self::ServedFrom),
        ("request_id", Self::RequestId),
        ("tenant", Self::Tenant),
        ("collection", Self::Collection),
        ("id", Self::Id),
        ("location", Self::Location),
    ];
}

pub(super) fn lines(value: &DeValue<'_>) -> Parsed<Vec<HeaderLine>> {
    let items = value.as_array().ok_or_else(|| format!("needs a list of \"Name: value\", found {}", value.type_str()))?;
    items.iter().map(|item| line(value::text(item.get_ref())?)).collect()
}

fn line(text: &str) -> Parsed<HeaderLine> {
    let hint = || format!("{} is not a header: write \"Name: value\"", value::shown(text));
    let (spelled, template) = text.split_once(':').ok_or_else(hint)?;
    let name: HeaderName = spelled.parse().map_err(|_| hint())?;
    let template = template.trim();
    let of_the_connection = [CONNECTION, UPGRADE].contains(&name) || ["keep-alive", "trailer"].contains(&name.as_str());
    if of_the_connection || name == TRANSFER_ENCODING && template != "chunked" {
        return Err(format!(
            "{spelled} belongs to the connection and not to the document; only \"Transfer-Encoding: chunked\" may be said"
        ));
    }
    Ok(HeaderLine { name, spelled: spelled.to_owned(), parts: parts(template)? })
}

fn parts(template: &str) -> Parsed<Vec<ValuePart>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("{} has a '{{' that is not closed", value::shown(template)))?;
        let known = AnswerValue::ALL.iter().find(|(known, _)| *known == name);
        let (_, wanted) = known.ok_or_else(|| unknown(name))?;
        parts.extend(text_part(before)?);
        parts.push(ValuePart::Value(*wanted));
        rest = after;
    }
    parts.extend(text_part(rest)?);
    Ok(parts)
}

fn unknown(name: &str) -> String {
    let names = AnswerValue::ALL.map(|(name, _)| name);
    match value::nearest(name, names) {
        Some(nearest) => format!("{{{name}}} is not known, did you mean {{{nearest}}}?"),
        None => format!("{} is not known: use one of {{{}}}", value::shown(name), names.join("}, {")),
    }
}

fn text_part(text: &str) -> Parsed<Option<ValuePart>> {
    if text.chars().any(char::is_control) {
        return Err("holds a control character".to_owned());
    }
    Ok((!text.is_empty()).then(|| ValuePart::Text(text.to_owned())))
}
