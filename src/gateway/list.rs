//! A collection's documents, a page at a time, in SQL's order of their ids. A page is looked up in spans of rows, never with content.

use std::borrow::Cow;

use http::Response;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::metadata::{DocumentView, json};
use super::request::PageRequest;
use super::rescue::GatewayError;
use crate::body::{self, Body};
use crate::budget::Budget;
use crate::model::id::{DocId, IdError, IdKind, MAX_DOC_ID_BYTES};

pub(super) const DEFAULT_LIMIT: usize = 100;
pub(super) const MAX_LIMIT: usize = 1000;

/// What one document of a page may take, with names as long as a PUT takes them.
const VIEW_BYTES: u64 = 1 << 10;

/// Rows are read in so many at once, with their locations: those of large documents have checksums of every piece.
const ROWS_AT_ONCE: std::ops::RangeInclusive<usize> = 16..=100;

/// After so many looks a page ends where it is: in a table of rows that are marked as deleted it would be long in coming.
const MAX_LOOKS: usize = 20;

/// Which documents a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub after: Option<DocId>,
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    #[error("the query is not UTF-8 once it is decoded")]
    NotText,
    #[error("a list takes `after` and `limit`, and not {0:?}")]
    Unknown(String),
    #[error("{0:?} is there twice")]
    Twice(&'static str),
    #[error("limit: {0:?} is not a number from 1 to {MAX_LIMIT}")]
    Limit(String),
    #[error("a list of versions takes `before` and `limit`, and not {0:?}")]
    UnknownOfVersions(String),
    #[error("before: {0:?} is not what `next` of a list of versions says")]
    Before(String),
    #[error("after: {0}")]
    After(IdError),
}

impl Span {
    /// From a query as forms spell it. An empty `after` is the beginning.
    pub fn parse(kind: IdKind, query: &str) -> Result<Self, BadQuery> {
        let [after, limit] = values(query, ["after", "limit"], BadQuery::Unknown)?;
        let after = after.filter(|text| !text.is_empty()).map(|text| after_of(kind, text)).transpose().map_err(BadQuery::After)?;
        Ok(Self { after, limit: limit.map_or(Ok(DEFAULT_LIMIT), |text| limit_of(&text))? })
    }
}

/// What a query says of these names, in their order; each may be there once, and no other.
pub(super) fn values<const N: usize>(
    query: &str,
    names: [&'static str; N],
    unknown: fn(String) -> BadQuery,
) -> Result<[Option<String>; N], BadQuery> {
    let mut values = [const { None }; N];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name)?;
        let place = names.iter().position(|known| *known == name).ok_or_else(|| unknown(shortened(&name)))?;
        if values[place].replace(decoded(value)?).is_some() {
            return Err(BadQuery::Twice(names[place]));
        }
    }
    Ok(values)
}

fn decoded(text: &str) -> Result<String, BadQuery> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().map(Cow::into_owned).map_err(|_| BadQuery::NotText)
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

pub(super) fn limit_of(text: &str) -> Result<usize, BadQuery> {
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| BadQuery::Limit(shortened(text)))
}

/// A place in the order, and not a document: it need not be there, and a row's own spelling of it counts.
fn after_of(kind: IdKind, text: String) -> Result<DocId, IdError> {
    match kind {
        IdKind::Integer => DocId::parse(kind, &text),
        IdKind::Text if text.len() > MAX_DOC_ID_BYTES => Err(IdError::TooLong),
        IdKind::Text => Ok(DocId::Text(text)),
        IdKind::Uuid => match Uuid::try_parse(&text) {
            Ok(uuid) if uuid.hyphenated().to_string().eq_ignore_ascii_case(&text) => Ok(DocId::Text(text)),
            Ok(_) | Err(_) => DocId::parse(kind, &text),
        },
    }
}

/// A page of a collection.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PageView {
    documents: Vec<DocumentView>,
    /// What to ask for as `after`; null at the end.
    next: Option<String>,
}

pub(super) async fn page(request: &PageRequest, budget: &Budget) -> Result<Response<Body>, GatewayError> {
    let Some(grant) = budget.acquire(request.span.limit as u64 * VIEW_BYTES).await else {
        return Err(GatewayError::Overloaded);
    };
    // Until the client has all of it.
    Ok(json(&look(request).await?).map(|body| body::holding(body, grant)))
}

async fn look(request: &PageRequest) -> Result<PageView, GatewayError> {
    let Span { mut after, limit } = request.span.clone();
    let mut documents: Vec<DocumentView> = Vec::new();
    for _ in 0..MAX_LOOKS {
        let rows = (limit - documents.len() + 1).clamp(*ROWS_AT_ONCE.start(), *ROWS_AT_ONCE.end());
        let page = request.tenant.sql.scan(&request.collection, after.as_ref(), rows).await?;
        for view in page.rows.into_iter().filter_map(DocumentView::of).filter(|view| can_be_named(request.id_kind, view)) {
            if documents.len() == limit {
                let next = documents.last().map(|last| last.id.clone());
                return Ok(PageView { documents, next });
            }
            documents.push(view);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(PageView { documents, next: after.map(|id| id.to_string()) })
}

/// A row whose id no request can name is no document to clients.
fn can_be_named(kind: IdKind, view: &DocumentView) -> bool {
    DocId::parse(kind, &view.id).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(id: &str) -> Option<DocId> {
        Some(DocId::Text(id.to_owned()))
    }

    #[test]
    fn a_query_is_what_forms_send() {
        let parse = |query| Span::parse(IdKind::Text, query);
        assert_eq!(parse(""), Ok(Span { after: None, limit: 100 }));
        assert_eq!(parse("after=&limit=7"), Ok(Span { after: None, limit: 7 }));
        assert_eq!(parse("limit=1000&after=a%2Fb+%2B%C3%A5%26"), Ok(Span { after: text("a/b +\u{e5}&"), limit: 1000 }));
        let upper = "6F9619FF-8B86-D011-B42D-00CF4FC964FF";
        assert_eq!(Span::parse(IdKind::Uuid, &format!("after={upper}")).unwrap().after, text(upper));
        let braces = format!("after={{{upper}}}");
        assert_eq!(Span::parse(IdKind::Uuid, &braces).unwrap().after, text(&upper.to_lowercase()));
        assert_eq!(Span::parse(IdKind::Integer, "after=-7").unwrap().after, Some(DocId::Integer(-7)));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_named() {
        for (kind, query, word) in [
            (IdKind::Text, "limit=0", "1 to 1000"),
            (IdKind::Text, "limit=1001", "1 to 1000"),
            (IdKind::Text, "limit=", "1 to 1000"),
            (IdKind::Text, "limit=ten", "ten"),
            (IdKind::Text, "limit=1&limit=1", "twice"),
            (IdKind::Text, "offset=3", "offset"),
            (IdKind::Text, "Limit=3", "Limit"),
            (IdKind::Text, "after=%ff", "UTF-8"),
            (IdKind::Integer, "after=x", "integer"),
            (IdKind::Uuid, "after=x", "UUID"),
        ] {
            let refused = Span::parse(kind, query).unwrap_err().to_string();
            assert!(refused.contains(word), "{query}: {refused}");
        }
        assert!(Span::parse(IdKind::Text, &format!("after={}", "x".repeat(513))).is_err());
    }

    proptest! {
        #[test]
        fn every_text_id_can_be_gone_on_after(id in "\\PC{1,60}") {
            let query = format!("after={}", percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC));
            prop_assert_eq!(Span::parse(IdKind::Text, &query).unwrap().after, text(&id));
        }

        #[test]
        fn no_query_panics(query in ".{0,120}") {
            let _ = Span::parse(IdKind::Uuid, &query);
        }
    }
}
