//! HTTP to typed: below this file no tenant, id or header is a text.

use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, IF_RANGE, RANGE,
};
use http::{HeaderMap, request};

use super::conditional;
use super::disposition;
use super::rescue::{BadRequest, GatewayError};
use super::routes::{Captured, Operation, Route};
use crate::config::AttributeHeaders;
use crate::model::id::{DocId, DocKey, TenantId};
use crate::model::precondition::Precondition;
use crate::store::sql::NewAttributes;
use crate::tenants::{Identity, Tenant, Tenants};

/// For whom a caller acts, as it says itself; for the log only.
pub const ON_BEHALF_OF: HeaderName = HeaderName::from_static("on-behalf-of");

/// As long as RFC 6838 lets a type and a subtype be, with room for parameters.
const MAX_MEDIA_TYPE_BYTES: usize = 255;

/// A request for a document that may be made: its tenant exists, and the caller may do this there.
pub struct DocumentRequest {
    pub operation: Operation,
    pub tenant: Arc<Tenant>,
    pub key: DocKey,
    pub precondition: Precondition,
    pub range: Option<String>,
    pub if_range: Option<String>,
    pub attributes: NewAttributes,
    pub content_length: Option<u64>,
}

/// Who asks, then tenant: a caller without a right to a tenant learns nothing of it, not even that it exists.
pub fn parse(
    head: &request::Parts,
    route: &Route,
    captured: &Captured,
    identity: &Identity,
    tenants: &Tenants,
) -> Result<DocumentRequest, GatewayError> {
    let operation = route.operation;
    let tenant = authorize(identity, operation, captured, tenants)?;
    let key = document_key(&tenant, captured)?;
    if operation == Operation::Write {
        refuse_other_than_the_whole(&head.headers)?;
    }
    Ok(DocumentRequest {
        operation,
        tenant,
        key,
        precondition: conditional::precondition(&head.headers)?,
        range: text(&head.headers, RANGE),
        // One that is not even text names no content of ours, and must not be taken for a condition that is not there.
        if_range: head.headers.get(IF_RANGE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        attributes: attributes(&head.headers, &route.config.attributes)?,
        content_length: text(&head.headers, CONTENT_LENGTH).and_then(|length| length.parse().ok()),
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

fn document_key(tenant: &Tenant, captured: &Captured) -> Result<DocKey, GatewayError> {
    let name = captured.collection.parse()?;
    let collection = tenant.collection(&name).ok_or(GatewayError::NotFound("the tenant has no such collection"))?;
    let id = DocId::parse(collection.id_kind, &captured.id)?;
    Ok(DocKey { tenant: tenant.id.clone(), collection: name, id })
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
    // Old clients send names as raw UTF-8.
    let text = |name: &HeaderName| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let file_name = match &named.file_name {
        Some(name) => text(name).map(disposition::checked).transpose()?.flatten(),
        None => text(&CONTENT_DISPOSITION).map(|value| disposition::parse(&value)).transpose()?.flatten(),
    };
    Ok(NewAttributes { media_type, file_name })
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let essence = text.split_once(';').map_or(text, |(essence, _)| essence).trim();
    let whole = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    whole && text.len() <= MAX_MEDIA_TYPE_BYTES
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
