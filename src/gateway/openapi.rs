//! The document listener's OpenAPI document. Every operation of the routes has a description here, or this does not compile.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};

use super::history::VersionsView;
use super::list::{MAX_LIMIT, PageView};
use super::metadata::MetadataView;
use super::rescue::{GatewayError, Problem};
use super::routes::{Operation as Wanted, Route};
use crate::body::{self, Body};
use crate::model::id::NAME_PATTERN;
use crate::openapi::{Api, Header, Operation, PATH, Parameter, PathParameter, bytes_of, document, json_of, number, schema, text};

/// The document's answer, the same for everybody: it tells what this version can do, and of no tenant.
#[derive(Clone)]
pub(super) struct Description(Bytes);

impl Description {
    pub(super) fn of(routes: &[Route]) -> Self {
        Self(description(routes).into())
    }

    /// The server drops the body where HEAD asked.
    pub(super) fn answer(&self, method: &Method) -> Result<Response<Body>, GatewayError> {
        if ![Method::GET, Method::HEAD].contains(method) {
            return Err(GatewayError::WrongMethod { allowed: vec![Method::GET, Method::HEAD] });
        }
        let mut response = Response::new(body::full(self.0.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }
}

/// Refusals that every operation on a document knows.
const GUARDED: [StatusCode; 8] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::EXPECTATION_FAILED,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

pub fn description(routes: &[Route]) -> String {
    let api = Api {
        title: "Sluss, documents",
        description: "Documents of all tenants, wherever their content lies. A failure in mid-body breaks the connection: an answer \
                      that ends before its length is no document. What is no HTTP at all is refused with 400 or 431 before anything \
                      here is looked at.",
        path_parameters: &[
            PathParameter { name: "tenant", description: "A tenant's name.", pattern: Some(NAME_PATTERN) },
            PathParameter {
                name: "collection",
                description: "A collection of the tenant; the default one is called `documents`.",
                pattern: Some(NAME_PATTERN),
            },
            PathParameter { name: "id", description: "The document's id as its table has it, percent-encoded.", pattern: None },
            PathParameter { name: "stamp", description: "The name of one content: its `ETag` without quotes.", pattern: None },
        ],
        request_headers: vec![Parameter::header("X-Request-Id", "Comes back in the answer; without one, the server makes one up.")],
        problem: schema::<Problem<'static>>,
    };
    let page = Operation::new("description", "This document")
        .without_token()
        .answers(StatusCode::OK, "OpenAPI 3.1.", [bytes_of("application/json")])
        .refuses(&OVERLOADED);
    let own = [(&Method::GET, PATH.to_owned(), page.clone()), (&Method::HEAD, PATH.to_owned(), page)];
    let routed = routes.iter().map(|route| (&route.method, route.config.template.to_string(), operation(&route.method, route.operation)));
    document(&api, own.into_iter().chain(routed))
}

/// Before anything is understood, there can be too many requests at once.
const OVERLOADED: [StatusCode; 1] = [StatusCode::SERVICE_UNAVAILABLE];

fn operation(method: &Method, wanted: Wanted) -> Operation {
    let described = match wanted {
        Wanted::Read => ranged(reading(Operation::new("readDocument", "A document's bytes"))).described(
            "The same answer whichever store holds them. Conditions and ranges by RFC 9110; several ranges come as `multipart/byteranges`.",
        ),
        Wanted::Head => reading(Operation::new("readDocument", "A document's headers, as GET without a range would have them")),
        Wanted::Write => write(),
        Wanted::Delete => Operation::new("deleteDocument", "Deletes a document")
            .described("What becomes of its row is the collection's `delete`: it goes, it loses its content, or it is marked.")
            .with([if_match(), if_none_match()])
            .answers(StatusCode::NO_CONTENT, "It is gone.", [])
            .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
        Wanted::Metadata => Operation::new("readMetadata", "What is known of a document beside its bytes").answers(
            StatusCode::OK,
            "As of this moment.",
            [json_of::<MetadataView>()],
        ),
        Wanted::Versions => Operation::new("listVersions", "The contents that a document had, the newest first")
            .described("Also of a document that is no more. A content stays in the list for as long as its tenant's history is kept.")
            .with([
                Parameter::query("before", "Where the page begins: `next` of the one before.", text()),
                Parameter::query("limit", "Versions at most; 100 unless it is said.", number(1, MAX_LIMIT as u64)),
            ])
            .answers(StatusCode::OK, "As of this moment.", [json_of::<VersionsView>()]),
        Wanted::Version if method == Method::HEAD => {
            reading(Operation::new("readVersion", "The headers of one content that a document had, as GET without a range would have them"))
        }
        Wanted::Version => ranged(reading(Operation::new("readVersion", "The bytes of one content that a document had")))
            .described("Of several ranges none is taken: the answer is whole. A stamp that names the current content is answered as the document is."),
        Wanted::Restore => Operation::new("restoreVersion", "Makes one of a document's versions current")
            .described(
                "A new write: the content that was current becomes a version. A document that is no more comes back where this collection lets a PUT make \
                 rows. After 503 `outcome-unknown` the change may have happened.",
            )
            .with([if_match(), if_none_match()])
            .answers_with(StatusCode::OK, "It has this content again.", [], &[WRITTEN_ETAG])
            .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
        Wanted::Create => create(),
        Wanted::List => Operation::new("listDocuments", "A page of a collection's documents, in SQL's order of their ids")
            .with([
                Parameter::query("after", "Where the page begins: `next` of the one before.", text()),
                Parameter::query("limit", "Documents at most; 100 unless it is said.", number(1, MAX_LIMIT as u64)),
            ])
            .answers(StatusCode::OK, "As of this moment.", [json_of::<PageView>()]),
    };
    described.with([Parameter::header("On-Behalf-Of", "For whom the caller acts, as it says itself; for the log.")]).refuses(&GUARDED)
}

/// What a whole document's answer says.
const WHOLE: [Header; 9] = [
    ETAG,
    CONTENT_DIGEST,
    REPR_DIGEST,
    LAST_MODIFIED,
    CONTENT_LENGTH,
    ACCEPT_RANGES,
    CONTENT_DISPOSITION,
    CONTENT_TYPE_OPTIONS,
    SERVED_FROM,
];

fn reading(operation: Operation) -> Operation {
    operation
        .with([
            if_match(),
            if_none_match(),
            Parameter::header("If-Modified-Since", "304 if it has not changed since. If-None-Match goes before it."),
            Parameter::header("If-Unmodified-Since", "412 if it has changed since. If-Match goes before it."),
        ])
        .answers_with(StatusCode::OK, "The whole document.", [bytes_of("*/*")], &WHOLE)
        .answers_with(StatusCode::NOT_MODIFIED, "The caller has it already.", [], &[ETAG, LAST_MODIFIED])
        .refuses(&[StatusCode::PRECONDITION_FAILED])
}

fn ranged(operation: Operation) -> Operation {
    let part = [&WHOLE[..], &[CONTENT_RANGE]].concat();
    operation
        .with([
            Parameter::header("Range", "`bytes=0-99`, also several: 206, or 416 where none lies in the document."),
            Parameter::header("If-Range", "An entity tag or a date: the range, if it is still this document, and else the whole."),
        ])
        .answers_with(StatusCode::PARTIAL_CONTENT, "The ranges that were asked for.", [bytes_of("*/*")], &part)
        .refuses(&[StatusCode::RANGE_NOT_SATISFIABLE])
}

fn write() -> Operation {
    storing(Operation::new("writeDocument", "Creates a document, or replaces its content"))
        .described(
            "All of it or nothing. Where the application inserts the rows itself (`create = \"existing\"`), an id without a row is 404. \
             After 503 `outcome-unknown` the change may have happened.",
        )
        .answers_with(StatusCode::CREATED, "There was no such document.", [], &[WRITTEN_ETAG])
        .answers_with(StatusCode::NO_CONTENT, "It has this content now.", [], &[WRITTEN_ETAG])
}

fn create() -> Operation {
    storing(Operation::new("createDocument", "Creates a document whose id the database gives"))
        .described("Not to be repeated after an outcome that is not known: a second one makes a second document.")
        .answers_with(StatusCode::CREATED, "It is there.", [], &[WRITTEN_ETAG, LOCATION])
}

/// What takes a document's content has in common.
fn storing(operation: Operation) -> Operation {
    operation
        .with([
            if_match(),
            if_none_match(),
            Parameter::header("Content-Disposition", "The file name, as RFC 6266 has it."),
            Parameter::header(
                "Content-Digest",
                "`sha-256=:<Base64>:` of RFC 9530. A body that is another one is 400, and nothing changes.",
            ),
        ])
        .takes(bytes_of("*/*"))
        .refuses(&[
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::CONFLICT,
            StatusCode::PRECONDITION_FAILED,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ])
}

fn if_match() -> Parameter {
    Parameter::header("If-Match", "Entity tags, or `*`: 412 unless the document has one of them.")
}

fn if_none_match() -> Parameter {
    Parameter::header("If-None-Match", "Entity tags, or `*`: 304 for a read and 412 for a change if the document has one of them.")
}

const fn always(name: &'static str, description: &'static str) -> Header {
    Header { name, description, always: true }
}

const fn sometimes(name: &'static str, description: &'static str) -> Header {
    Header { name, description, always: false }
}

const ETAG: Header = always("ETag", "Names this content; strong.");
const WRITTEN_ETAG: Header = always("ETag", "Names the new content.");
const LOCATION: Header = sometimes("Location", "The new document's path, where some path reads documents.");
const LAST_MODIFIED: Header = sometimes("Last-Modified", "Where the table has a date.");
const CONTENT_LENGTH: Header = always("Content-Length", "Bytes of this answer.");
const CONTENT_RANGE: Header = sometimes("Content-Range", "Where one range was asked for.");
const ACCEPT_RANGES: Header = always("Accept-Ranges", "`bytes`.");
const CONTENT_DISPOSITION: Header = always("Content-Disposition", "With the file name, as RFC 6266 has it.");
const CONTENT_TYPE_OPTIONS: Header = always("X-Content-Type-Options", "`nosniff`.");
const CONTENT_DIGEST: Header = sometimes("Content-Digest", "`sha-256=:<Base64>:` of a whole document, where it is known.");
const REPR_DIGEST: Header = sometimes("Repr-Digest", "The same, with parts too.");
const SERVED_FROM: Header = always("Served-From", "`sql`, `object` or `cache`: who had the bytes.");
