//! The admin listener's OpenAPI document. Every route of the table has a description here, or this does not compile.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::MAX_ON_BEHALF_OF_BYTES;
use super::api::{AuditPage, MAX_NUMBER};
use super::backups::{BackupAnswer, BackupLists, BackupWish};
use super::drills::{DrillAnswer, DrillLists, DrillRequest};
use super::events::{MEDIA_TYPE, TransferList};
use super::health::Readiness;
use super::history::{HistoryView, PastList};
use super::limits::{LimitsView, ReadOnlyView, ReadOnlyWish, ScopeView};
use super::purge::{PurgeAnswer, PurgeList, PurgeWish};
use super::restores::{LINES, PlanLine, RestoreAnswer, RestoreList, RestoreRequest};
use super::routes::{Operation as Wanted, Page, ROUTES, Target};
use super::verification::{AllDifferences, Begun, DifferenceList, Verifications, Wish};
use super::views::{Counted, JobList, QuarantineReason, RetryWish, TenantList, TenantView};
use super::watch::Me;
use crate::body::{self, Body};
use crate::gateway::rescue::Problem;
use crate::migrate::cutover::{FlipReport, FlipWish};
use crate::model::id::NAME_PATTERN;
use crate::model::job::{JobKind, JobState};
use crate::model::limits::LimitsChange;
use crate::openapi::{
    Api, Content, Operation, Parameter, PathParameter, bytes_of, document, event_of, events_of, json_of, number, one_of, schema,
};
use crate::store::control::{self, Process};
use crate::telemetry::METRICS_MEDIA_TYPE;
use crate::watch::news::{FleetEvent, PhaseEvent, TransfersEvent};
use crate::watch::series::{MOST_MINUTES, SeriesView};
use crate::watch::summary::FleetView;

/// Refusals that every operation with a token knows.
const GUARDED: [StatusCode; 4] =
    [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::SERVICE_UNAVAILABLE];

pub fn description() -> String {
    let api = Api {
        title: "Sluss, for operators",
        description: "What moves, how far it is, and what can be steered. Tokens need the right `admin`; what tells of all tenants \
                      at once needs a token of all tenants. Every change leaves an entry in the audit.",
        path_parameters: &[
            PathParameter { name: "tenant", description: "A tenant's name.", pattern: Some(NAME_PATTERN) },
            PathParameter { name: "restore", description: "A restore, as `<tenant>:<number>`.", pattern: None },
            PathParameter { name: "job", description: "A job's id as the list of jobs has it, `<tenant>:<number>`.", pattern: None },
        ],
        request_headers: vec![Parameter::header("X-Request-Id", "Comes back in the answer; without one, the server makes one up.")],
        problem: schema::<Problem<'static>>,
    };
    document(&api, ROUTES.iter().map(|route| (&route.method, route.template.to_owned(), operation(route.target))))
}

/// The document's answer, the same for everybody: it tells what this version can do, and of no tenant.
pub(super) fn page(description: &Bytes) -> Response<Body> {
    let mut response = Response::new(body::full(description.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn operation(target: Target) -> Operation {
    match target {
        Target::Open(page) => open(page).without_token(),
        Target::Guarded(wanted) => {
            let for_whom = Parameter::short_header(
                "On-Behalf-Of",
                "For whom the caller acts, as it says itself; for the audit.",
                MAX_ON_BEHALF_OF_BYTES,
            );
            guarded(wanted).with([for_whom]).refuses(&GUARDED)
        }
    }
}

fn open(page: Page) -> Operation {
    match page {
        Page::Health => {
            Operation::new("health", "Whether the process is up").answers(StatusCode::OK, "It is.", [bytes_of("text/plain; charset=utf-8")])
        }
        Page::Readiness => Operation::new("readiness", "Whether the process takes requests")
            .described("A store that is away never turns it red: one tenant's database would take every replica out at once.")
            .answers(StatusCode::OK, "It does. The body tells each store's health.", [json_of::<Readiness>()])
            .answers(StatusCode::SERVICE_UNAVAILABLE, "It drains.", [json_of::<Readiness>()]),
        Page::Description => {
            Operation::new("description", "This document").answers(StatusCode::OK, "OpenAPI 3.1.", [bytes_of("application/json")])
        }
    }
}

fn guarded(wanted: Wanted) -> Operation {
    match wanted {
        Wanted::Metrics => {
            told("metrics", "All metrics in Prometheus' text format", bytes_of(METRICS_MEDIA_TYPE)).described("For tokens of all tenants.")
        }
        Wanted::ShowMe => told("showMe", "Whom the token belongs to, and which process answers", json_of::<Me>()),
        Wanted::ShowFleet => told("showFleet", "Every tenant and store in one look, from this process's memory", json_of::<FleetView>())
            .described("Asks no database: each tenant's figures are those of a look a few seconds ago."),
        Wanted::ShowSeries => {
            of_tenant(told("showSeries", "A tenant's traffic in this process, in steps of ten seconds", json_of::<SeriesView>()))
                .with([Parameter::query("minutes", "How far back; 60 where it is not said.", number(1, MOST_MINUTES))])
        }
        Wanted::ShowHistory => of_tenant(told("showHistory", "What a tenant's versions come to", json_of::<HistoryView>()))
            .described("It counts all of them. What is past its time goes with the next collection, which each full sweep brings."),
        Wanted::ListVersions => told("listVersions", "The contents that a document had, the newest first", json_of::<PastList>())
            .described("Also of a document that is no more.")
            .refuses(&[StatusCode::NOT_FOUND])
            .with([
                Parameter::query("tenant", "Whose document; has to be said.", crate::openapi::text()),
                Parameter::query("document", "Which one, as `<collection>/<id>`; has to be said.", crate::openapi::text()),
                Parameter::query("before", "Where the page begins: `next` of the one before.", number(0, MAX_NUMBER)),
                limit(),
            ]),
        Wanted::ListTransfers => told("listTransfers", "What moves through this process now", json_of::<TransferList>()),
        Wanted::StreamEvents => stream_events(),
        Wanted::ListTenants => told("listTenants", "All tenants that the token reaches", json_of::<TenantList>()),
        Wanted::ShowTenant => of_tenant(told("showTenant", "One tenant: phase, holders, backlog, problems", json_of::<TenantView>())),
        Wanted::Flip => flip(),
        Wanted::Sweep => of_tenant(Operation::new("sweep", "Has every document looked at, and what is missing enqueued")).answers(
            StatusCode::ACCEPTED,
            "The agents do the work.",
            [json_of::<Counted>()],
        ),
        Wanted::Purge => purge(),
        Wanted::BackUp => back_up(),
        Wanted::ListBackups => told("listBackups", "Backups, the newest first, and those whose manifest is kept", json_of::<BackupLists>())
            .refuses(&[StatusCode::NOT_FOUND])
            .with([one_tenant(), limit()]),
        Wanted::Drill => drill(),
        Wanted::ListDrills => told("listDrills", "Drills of backups, by the evidence that they left, the newest first", json_of::<DrillLists>())
            .described("A drill that is under way is told by the process that carries it out. At most 100 drills of a tenant are told, and of all tenants at once about 1000.")
            .refuses(&[StatusCode::NOT_FOUND])
            .with([one_tenant(), limit()]),
        Wanted::ListPurges => {
            of_tenant(told("listPurges", "Of each collection the purge under way, or the last one", json_of::<PurgeList>()))
        }
        Wanted::Restore => restore(),
        Wanted::CancelRestore => cancel_restore(),
        Wanted::ListRestores => told("listRestores", "Restores to an instant, the newest first", json_of::<RestoreList>())
            .refuses(&[StatusCode::NOT_FOUND])
            .with([one_tenant()]),
        Wanted::PlanRestore => plan_restore(),
        Wanted::Verify => wishing(of_tenant(Operation::new("verify", "Has every document's holders compared")), json_of::<Wish>()).answers(
            StatusCode::ACCEPTED,
            "The agents do the work.",
            [json_of::<Begun>()],
        ),
        Wanted::ShowVerification => of_tenant(told("showVerification", "How far the verification is", json_of::<Verifications>())),
        Wanted::ListDifferences => {
            of_tenant(told("listDifferences", "What differs, in the order in which it was found", json_of::<DifferenceList>()))
                .with([Parameter::query("after", "Where the page begins: `next` of the one before.", number(0, MAX_NUMBER)), limit()])
        }
        Wanted::PauseTenant => of_tenant(told("pauseTenant", "The agents rest for this tenant", json_of::<ScopeView>())),
        Wanted::ResumeTenant => of_tenant(told("resumeTenant", "The agents are at work for this tenant", json_of::<ScopeView>())),
        Wanted::LimitTenant => {
            let limited = told("limitTenant", "Limits the agents' work on this tenant", json_of::<ScopeView>());
            wishing(of_tenant(limited), json_of::<LimitsChange>()).described(CHANGE)
        }
        Wanted::SetReadOnly => {
            let set = told("setReadOnly", "Refuses clients' changes to this tenant, or takes them again", json_of::<ReadOnlyView>());
            wishing(of_tenant(set), json_of::<ReadOnlyWish>())
        }
        Wanted::Pause => told("pause", "The agents rest for all tenants", json_of::<ScopeView>()),
        Wanted::Resume => told("resume", "The agents are at work for all tenants", json_of::<ScopeView>()),
        Wanted::ListLimits => told("listLimits", "What is set, for whom", json_of::<LimitsView>()),
        Wanted::Limit => {
            let limited = told("limit", "Limits the agents' work on all tenants together", json_of::<ScopeView>());
            wishing(limited, json_of::<LimitsChange>()).described(CHANGE)
        }
        Wanted::ListJobs => list_jobs(),
        Wanted::ListReasons => list_reasons(),
        Wanted::ListAllDifferences => list_all_differences(),
        Wanted::RetryJobs => wishing(told("retryJobs", "Has quarantined jobs tried again", json_of::<Counted>()), json_of::<RetryWish>())
            .refuses(&[StatusCode::NOT_FOUND]),
        Wanted::RetryJob => told("retryJob", "Has one quarantined job tried again", json_of::<Counted>()).refuses(&[StatusCode::NOT_FOUND]),
        Wanted::ListAudit => list_audit(),
        Wanted::ListProcesses => {
            told("listProcesses", "The processes that are alive", json_of::<Vec<Process>>()).described("For tokens of all tenants.")
        }
        Wanted::ListOperators => told("listOperators", "Who has changed something over this API", json_of::<Vec<control::Operator>>())
            .described("For tokens of all tenants."),
    }
}

const EVENTS: &str = "Server-sent events, for as long as the client listens: `fleet` (`FleetEvent`), `transfers` (`TransfersEvent`) and `phase` \
                      (`PhaseEvent`). It begins with everything: `fleet` and `transfers` with `reset`, and whoever was told everything forgets what \
                      was before. Then what is new: `fleet` at most once a second, `transfers` twice, `phase` for each flip. A client passes over \
                      names that it does not know. A client that reads too slowly is told everything again in place of what it missed. Small \
                      downloads, up to 64 KiB, are not among the transfers. A line that begins with a colon is a sign of life, every 15 \
                      seconds. The stream ends when the process drains, and when tokens are replaced: connect again. A token has \
                      at most 16 streams at once.";

fn stream_events() -> Operation {
    told("streamEvents", "What is new, as it happens", events_of(MEDIA_TYPE, any_event))
        .described(EVENTS)
        .refuses(&[StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS])
        .with([Parameter::query("tenant", "Only of this tenant.", crate::openapi::text())])
}

fn any_event(generator: &mut SchemaGenerator) -> Schema {
    let kinds = [
        event_of::<FleetEvent>(FleetEvent::NAME, generator),
        event_of::<TransfersEvent>(TransfersEvent::NAME, generator),
        event_of::<PhaseEvent>(PhaseEvent::NAME, generator),
    ];
    json_schema!({ "description": "One event of the stream: its name, and its data as JSON text.", "oneOf": kinds })
}

const CHANGE: &str = "Names some of the figures; what is not named stays, and `null` lifts a limit. At least one has to be named.";

fn flip() -> Operation {
    let flip = of_tenant(Operation::new("flip", "Moves a tenant to another phase, if every guard passes"));
    wishing(flip, json_of::<FlipWish>()).answers(StatusCode::OK, "Done, or what a dry run found.", [json_of::<FlipReport>()]).answers(
        StatusCode::CONFLICT,
        "Blocked, and the report tells by what; or somebody else flipped first. Nothing was changed.",
        [json_of::<FlipReport>()],
    )
}

fn purge() -> Operation {
    let purge = of_tenant(Operation::new("purge", "Takes content out of SQL that a verified object holds"));
    wishing(purge, json_of::<PurgeWish>()).answers(StatusCode::ACCEPTED, "The agents do the work.", [json_of::<PurgeAnswer>()]).answers(
        StatusCode::CONFLICT,
        "Blocked; the answer tells by what. Nothing was changed.",
        [json_of::<PurgeAnswer>()],
    )
}

fn restore() -> Operation {
    let restore = of_tenant(Operation::new("restore", "Brings a tenant, or one document, back to an instant"));
    wishing(restore, json_of::<RestoreRequest>())
        .answers(StatusCode::ACCEPTED, "The agents do the work.", [json_of::<RestoreAnswer>()])
        .answers(StatusCode::CONFLICT, "Blocked; the answer tells by what. Nothing was changed.", [json_of::<RestoreAnswer>()])
}

fn cancel_restore() -> Operation {
    of_tenant(Operation::new("cancelRestore", "Ends a restore that is under way"))
        .described(
            "What it has changed stays. An agent that is at it ends it within a moment, and it is under way until then; where none is, it has \
             ended at once. It can be asked again.",
        )
        .answers(StatusCode::ACCEPTED, "It ends.", [json_of::<RestoreAnswer>()])
        .answers(StatusCode::CONFLICT, "It was not under way.", [json_of::<RestoreAnswer>()])
}

fn plan_restore() -> Operation {
    told("planRestore", "What a restore would do, a document a line", events_of(LINES, schema::<PlanLine>))
        .described(
            "Lines of JSON, as they are found: `blockers` first, then `document` for each that changes, cannot be changed, or is in doubt, \
             `looked_at` now and then, and `totals` at the end. Without `totals` the plan broke off. Nothing is changed.",
        )
        .refuses(&[StatusCode::NOT_FOUND])
        .with([
            Parameter::query("tenant", "Whose documents; has to be said.", crate::openapi::text()),
            Parameter::query("at", "The instant, as RFC 3339 has it; has to be said.", crate::openapi::text()),
            Parameter::query("document", "Only this one, as `<collection>/<id>`.", crate::openapi::text()),
            Parameter::query("into", "The tenant that gets the contents.", crate::openapi::text()),
        ])
}

fn back_up() -> Operation {
    let back_up = of_tenant(Operation::new("backUp", "Copies what objects hold to the offsite store, and writes a manifest of it"));
    wishing(back_up, json_of::<BackupWish>()).answers(StatusCode::ACCEPTED, "The agents do the work.", [json_of::<BackupAnswer>()]).answers(
        StatusCode::CONFLICT,
        "Blocked, or one is under way; the answer tells by what. Nothing was changed.",
        [json_of::<BackupAnswer>()],
    )
}

fn drill() -> Operation {
    let drill =
        of_tenant(Operation::new("drill", "Restores contents of the newest manifest into a scratch tenant, and compares every byte"));
    wishing(drill, json_of::<DrillRequest>())
        .answers(StatusCode::ACCEPTED, "This process carries it out, and drops it when it drains.", [json_of::<DrillAnswer>()])
        .answers(StatusCode::CONFLICT, "Blocked, or one is under way; the answer tells by what.", [json_of::<DrillAnswer>()])
}

fn list_jobs() -> Operation {
    let states = JobState::ALL.map(JobState::label);
    told("listJobs", "Jobs that wait, run, or need an operator", json_of::<JobList>()).refuses(&[StatusCode::NOT_FOUND]).with([
        one_tenant(),
        Parameter::query("state", "Only those in this state.", one_of(&states)),
        Parameter::query("kind", "Only those of this kind.", one_of(&JobKind::ALL.map(JobKind::label))),
        next_page(),
        limit(),
    ])
}

fn list_reasons() -> Operation {
    told("listReasons", "What quarantined jobs failed for, the most frequent first", json_of::<Vec<QuarantineReason>>())
        .described(
            "Of each tenant, 10,000 jobs are looked at. Where all tenants are asked, those whose database does not answer are left out.",
        )
        .refuses(&[StatusCode::NOT_FOUND])
        .with([one_tenant(), limit()])
}

fn list_all_differences() -> Operation {
    told("listAllDifferences", "What differs, of all tenants that the token reaches", json_of::<AllDifferences>())
        .refuses(&[StatusCode::NOT_FOUND])
        .with([one_tenant(), next_page(), limit()])
}

fn one_tenant() -> Parameter {
    Parameter::query("tenant", "Only this tenant's.", crate::openapi::text())
}

fn next_page() -> Parameter {
    Parameter::query("after", "Where the page begins: `next` of the one before.", crate::openapi::text())
}

fn list_audit() -> Operation {
    told("listAudit", "Who changed what, the newest first", json_of::<AuditPage>())
        .described("For tokens of all tenants; for others where it names one of theirs, and without a check of the chain.")
        .refuses(&[StatusCode::NOT_FOUND])
        .with([
            Parameter::query("tenant", "Only what was done to this tenant.", crate::openapi::text()),
            Parameter::query("before", "Entries before this number.", number(0, MAX_NUMBER)),
            Parameter::query("check", "`true`: whether the hashes of the whole chain hold.", one_of(&["true", "false"])),
            limit(),
        ])
}

fn limit() -> Parameter {
    Parameter::query("limit", "Lines at most; never more than 1000.", number(0, MAX_NUMBER))
}

fn told(id: &'static str, summary: &'static str, content: Content) -> Operation {
    Operation::new(id, summary).answers(StatusCode::OK, "As asked.", [content])
}

fn of_tenant(operation: Operation) -> Operation {
    operation.refuses(&[StatusCode::NOT_FOUND])
}

fn wishing(operation: Operation, wish: Content) -> Operation {
    operation.takes(wish).refuses(&[StatusCode::PAYLOAD_TOO_LARGE])
}
