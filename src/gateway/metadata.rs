//! What is known of a document beside its bytes, as JSON: from its rows alone, no store is asked for content. It never says where a store is.

use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::request::DocumentRequest;
use super::rescue::GatewayError;
use super::respond;
use crate::body::{self, Body};
use crate::model::document::{DocRow, Holder};
use crate::model::location::Location;

/// One document, in lists and alone. Without content, what speaks of content is null.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DocumentView {
    /// As the row spells it; a text for every type of id.
    pub(super) id: String,
    size: Option<u64>,
    media_type: Option<String>,
    file_name: Option<String>,
    modified: Option<Timestamp>,
    /// As the header has it, with its quotes.
    etag: Option<String>,
    held_by: Option<&'static str>,
}

impl DocumentView {
    /// `None`: there is no such document for clients.
    pub(super) fn of(row: DocRow) -> Option<Self> {
        let truth = row.truth();
        let size = truth.stamp.as_ref().map(|_| row.length_bytes());
        let document = row.document.filter(|_| truth.visible)?;
        Some(Self {
            id: row.key.id.to_string(),
            size,
            media_type: document.attributes.media_type,
            file_name: document.attributes.file_name,
            modified: document.attributes.modified,
            held_by: truth.stamp.as_ref().map(|_| truth.holder.label()),
            etag: truth.stamp.as_ref().map(respond::entity_tag),
        })
    }
}

/// One document with all that its rows tell of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MetadataView {
    #[serde(flatten)]
    document: DocumentView,
    /// Of the content, in hex, where its location tells it.
    sha256: Option<String>,
    /// Where SQL is not the only holder.
    location: Option<LocationView>,
}

/// The copy in the object store.
#[derive(Debug, Serialize, JsonSchema)]
struct LocationView {
    /// The names of placement and object; the empty content has none.
    placement: Option<String>,
    object: Option<String>,
    length: u64,
    stamp: String,
    /// SQL does not hold the content.
    sole: bool,
    held_from: Timestamp,
    verified_at: Option<Timestamp>,
}

impl LocationView {
    fn of(location: &Location) -> Self {
        Self {
            placement: location.object.as_ref().map(|object| object.placement.to_string()),
            object: location.object.as_ref().map(|object| object.id.to_string()),
            length: location.content.length_bytes,
            stamp: location.stamp.to_string(),
            sole: location.sole,
            held_from: location.held_from,
            verified_at: location.verified_at,
        }
    }
}

pub(super) async fn of(request: &DocumentRequest) -> Result<Response<Body>, GatewayError> {
    let row = request.tenant.sql.row(&request.key).await?;
    let truth = row.truth();
    let located = match truth.holder {
        Holder::Both | Holder::Object | Holder::EmptyDocument => row.location.clone(),
        // What is there is of another content.
        Holder::NoDocument | Holder::NoContent | Holder::Sql => None,
    };
    let document = DocumentView::of(row).ok_or(GatewayError::NotFound("there is no such document"))?;
    if truth.stamp.is_none() {
        return Err(GatewayError::NotFound("the document has no content"));
    }
    let sha256 = located.as_ref().map(|location| location.content.sha256.to_string());
    Ok(json(&MetadataView { document, sha256, location: located.as_ref().map(LocationView::of) }))
}

/// An answer about documents, which holds for this moment only.
pub(super) fn json(view: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(view).expect("a struct of texts and numbers is JSON");
    let length = text.len();
    let mut response = Response::new(body::full(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
