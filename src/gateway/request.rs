//! HTTP to typed: below this file no tenant, id or header is a text.

use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPECT, HeaderName, RANGE,
};
use http::{HeaderMap, Method, request};

use super::conditional::{self, IfRange};
use super::digest;
use super::disposition;
use super::history::VersionSpan;
use super::list::Span;
use super::rescue::{BadRequest, GatewayError};
use super::routes::{Captured, Operation, Route};
use crate::config::AttributeHeaders;
use crate::model::content::ContentHash;
use crate::model::id::{CollectionName, DocId, DocKey, IdKind, TenantId};
use crate::model::precondition::Precondition;
use crate::model::stamp::Stamp;
use crate::store::sql::NewAttributes;
use crate::tenants::{Identity, Tenant, Tenants};

/// For whom a caller acts, as it says itself; for the log only.
pub const ON_BEHALF_OF: HeaderName = HeaderName::from_static("on-behalf-of");

/// As long as RFC 6838 lets a type and a subtype be, with room for parameters.
const MAX_MEDIA_TYPE_BYTES: usize = 255;

/// A request that may be made: its tenant exists, and the caller may do this there.
pub enum Wanted {
    Document(DocumentRequest),
    New(NewRequest),
    Page(PageRequest),
    /// The history of one document, or one of its versions.
    History(HistoryRequest),
}

impl Wanted {
    pub fn operation(&self) -> Operation {
        match self {
            Self::Document(request) => request.operation,
            Self::New(_) => Operation::Create,
            Self::Page(_) => Operation::List,
            Self::History(request) => request.document.operation,
        }
    }

    pub fn tenant(&self) -> &Arc<Tenant> {
        match self {
            Self::Document(request) => &request.tenant,
            Self::New(request) => &request.tenant,
            Self::Page(request) => &request.tenant,
            Self::History(request) => &request.document.tenant,
        }
    }
}

/// What is asked of one document.
#[derive(Clone)]
pub struct DocumentRequest {
    pub operation: Operation,
    pub tenant: Arc<Tenant>,
    pub key: DocKey,
    pub precondition: Precondition,
    pub range: Option<String>,
    pub if_range: Option<IfRange>,
    pub attributes: NewAttributes,
    /// What the body has to be.
    pub sha256: Option<ContentHash>,
    pub content_length: Option<u64>,
}

/// A document that is to be made.
pub struct NewRequest {
    pub tenant: Arc<Tenant>,
    pub collection: CollectionName,
    pub precondition: Precondition,
    pub attributes: NewAttributes,
    /// What the body has to be.
    pub sha256: Option<ContentHash>,
    pub content_length: Option<u64>,
}

/// A page of a collection's documents.
pub struct PageRequest {
    pub tenant: Arc<Tenant>,
    pub collection: CollectionName,
    pub id_kind: IdKind,
    pub span: Span,
}

/// What is asked of contents that a document had.
pub struct HistoryRequest {
    pub document: DocumentRequest,
    pub asked: Asked,
    /// The answer has no body.
    pub headers_only: bool,
}

/// Which of them.
pub enum Asked {
    All(VersionSpan),
    One(Stamp),
}

/// Who asks, then tenant: a caller without a right to a tenant learns nothing of it, not even that it exists.
pub fn parse(
    head: &request::Parts,
    route: &Route,
    captured: &Captured,
    identity: &Identity,
    tenants: &Tenants,
) -> Result<Wanted, GatewayError> {
    let (operation, named) = (route.operation, &route.config.attributes);
    let tenant = authorize(identity, operation, captured, tenants)?;
    refuse_expectations(&head.headers)?;
    let name: CollectionName = captured.collection.parse()?;
    let collection = tenant.collection(&name).ok_or(GatewayError::NotFound("the tenant has no such collection"))?;
    let id_kind = collection.id_kind;
    match operation {
        Operation::Read | Operation::Head | Operation::Write | Operation::Delete | Operation::Metadata => {
            let key = DocKey { tenant: tenant.id.clone(), collection: name, id: DocId::parse(id_kind, &captured.id)? };
            document(head, operation, tenant, key, named).map(Wanted::Document)
        }
        Operation::Versions | Operation::Version | Operation::Restore => {
            let key = DocKey { tenant: tenant.id.clone(), collection: name, id: DocId::parse(id_kind, &captured.id)? };
            let asked = match operation {
                Operation::Version | Operation::Restore => Asked::One(captured.stamp.parse().map_err(BadRequest::Stamp)?),
                Operation::Versions
                | Operation::Read
                | Operation::Head
                | Operation::Write
                | Operation::Delete
                | Operation::Metadata
                | Operation::Create
                | Operation::List => Asked::All(VersionSpan::parse(head.uri.query().unwrap_or_default())?),
            };
            let document = document(head, operation, tenant, key, named)?;
            Ok(Wanted::History(HistoryRequest { document, asked, headers_only: head.method == Method::HEAD }))
        }
        Operation::Create => {
            refuse_other_than_the_whole(&head.headers)?;
            Ok(Wanted::New(NewRequest {
                tenant,
                collection: name,
                precondition: conditional::precondition(&head.headers, false)?,
                attributes: attributes(&head.headers, named)?,
                sha256: digest::demanded(&head.headers)?,
                content_length: content_length(&head.headers),
            }))
        }
        Operation::List => {
            let span = Span::parse(id_kind, head.uri.query().unwrap_or_default())?;
            Ok(Wanted::Page(PageRequest { tenant, collection: name, id_kind, span }))
        }
    }
}

fn document(
    head: &request::Parts,
    operation: Operation,
    tenant: Arc<Tenant>,
    key: DocKey,
    named: &AttributeHeaders,
) -> Result<DocumentRequest, GatewayError> {
    if operation == Operation::Write {
        refuse_other_than_the_whole(&head.headers)?;
    }
    Ok(DocumentRequest {
        operation,
        tenant,
        key,
        precondition: conditional::precondition(&head.headers, !operation.changes())?,
        range: text(&head.headers, RANGE),
        if_range: conditional::if_range(&head.headers),
        attributes: attributes(&head.headers, named)?,
        sha256: if operation.changes() { digest::demanded(&head.headers)? } else { None },
        content_length: content_length(&head.headers),
    })
}

/// The token of `Authorization: Bearer`; the scheme's name is not case-sensitive.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn authorize(identity: &Identity, operation: Operation, captured: &Captured, tenants: &Tenants) -> Result<Arc<Tenant>, GatewayError> {
    let id: TenantId = captured.tenant.parse()?;
    if !identity.reaches(&id) {
        return Err(GatewayError::Forbidden("this token has no access to this tenant"));
    }
    if operation.changes() && !identity.rights.write {
        return Err(GatewayError::Forbidden("this token does not have the right `write`"));
    }
    if !operation.changes() && !identity.rights.read {
        return Err(GatewayError::Forbidden("this token does not have the right `read`"));
    }
    tenants.get(&id).ok_or(GatewayError::NotFound("there is no such tenant"))
}

/// RFC 9110, 10.1.1. A client that waits for 100 gets it once its body is read for the first time, and no sooner.
fn refuse_expectations(headers: &HeaderMap) -> Result<(), GatewayError> {
    let is_met = |value: &http::HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(EXPECT).iter().all(is_met) { Ok(()) } else { Err(GatewayError::Expectation) }
}

/// RFC 9110, 14.5 and 8.4: a part, or another coding of the content, would be stored as if it were the document.
fn refuse_other_than_the_whole(headers: &HeaderMap) -> Result<(), GatewayError> {
    if headers.contains_key(CONTENT_RANGE) {
        return Err(BadRequest::ContentRange.into());
    }
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(GatewayError::Encoded),
        Some(_) | None => Ok(()),
    }
}

/// `named`: headers of an existing API's own that bear them.
fn attributes(headers: &HeaderMap, named: &AttributeHeaders) -> Result<NewAttributes, GatewayError> {
    let media_type = match headers.get(named.media_type.as_ref().unwrap_or(&CONTENT_TYPE)) {
        Some(value) => Some(value.to_str().ok().filter(|text| is_media_type(text)).ok_or(BadRequest::MediaType)?.to_owned()),
        None => None,
    };
    // Old clients send names in other codings.
    let text = |name: &HeaderName| headers.get(name).map(|value| disposition::text(value.as_bytes()).into_owned());
    let file_name = match &named.file_name {
        Some(name) => text(name).map(disposition::checked).transpose()?.flatten(),
        None => text(&CONTENT_DISPOSITION).map(|value| disposition::parse(&value)).transpose()?.flatten(),
    };
    Ok(NewAttributes { media_type, file_name, all: false })
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let essence = text.split_once(';').map_or(text, |(essence, _)| essence).trim();
    let whole = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    whole && text.len() <= MAX_MEDIA_TYPE_BYTES
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_LENGTH)?.parse().ok()
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
