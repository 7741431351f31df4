//! What operators can ask for: a table of methods and path templates, which the router and the OpenAPI document both read.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::openapi::PATH;

/// What needs no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Health,
    Readiness,
    Description,
}

/// What needs a token with the right `admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Metrics,
    ShowMe,
    ShowFleet,
    ShowSeries,
    ShowHistory,
    ListVersions,
    ListTransfers,
    StreamEvents,
    ListTenants,
    ShowTenant,
    Flip,
    Sweep,
    Purge,
    ListPurges,
    Restore,
    CancelRestore,
    ListRestores,
    PlanRestore,
    BackUp,
    ListBackups,
    Drill,
    ListDrills,
    Verify,
    ShowVerification,
    ListDifferences,
    PauseTenant,
    ResumeTenant,
    LimitTenant,
    SetReadOnly,
    Pause,
    Resume,
    ListLimits,
    Limit,
    ListJobs,
    ListReasons,
    ListAllDifferences,
    RetryJobs,
    RetryJob,
    ListAudit,
    ListProcesses,
    ListOperators,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Open(Page),
    Guarded(Operation),
}

/// One line of the table. A template has at most one `{name}`, which takes one path segment.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: Method,
    pub template: &'static str,
    pub target: Target,
}

const fn open(template: &'static str, page: Page) -> Route {
    Route { method: Method::GET, template, target: Target::Open(page) }
}

const fn get(template: &'static str, operation: Operation) -> Route {
    Route { method: Method::GET, template, target: Target::Guarded(operation) }
}

const fn post(template: &'static str, operation: Operation) -> Route {
    Route { method: Method::POST, template, target: Target::Guarded(operation) }
}

const fn put(template: &'static str, operation: Operation) -> Route {
    Route { method: Method::PUT, template, target: Target::Guarded(operation) }
}

pub static ROUTES: [Route; 44] = [
    open("/healthz", Page::Health),
    open("/readyz", Page::Readiness),
    open(PATH, Page::Description),
    get("/metrics", Operation::Metrics),
    get("/admin/v1/me", Operation::ShowMe),
    get("/admin/v1/fleet", Operation::ShowFleet),
    get("/admin/v1/tenants", Operation::ListTenants),
    get("/admin/v1/tenants/{tenant}", Operation::ShowTenant),
    get("/admin/v1/tenants/{tenant}/series", Operation::ShowSeries),
    get("/admin/v1/tenants/{tenant}/history", Operation::ShowHistory),
    get("/admin/v1/transfers", Operation::ListTransfers),
    get("/admin/v1/events", Operation::StreamEvents),
    post("/admin/v1/tenants/{tenant}/phase", Operation::Flip),
    post("/admin/v1/tenants/{tenant}/sweep", Operation::Sweep),
    post("/admin/v1/tenants/{tenant}/purge", Operation::Purge),
    get("/admin/v1/tenants/{tenant}/purge", Operation::ListPurges),
    post("/admin/v1/backups", Operation::BackUp),
    get("/admin/v1/backups", Operation::ListBackups),
    post("/admin/v1/drills", Operation::Drill),
    get("/admin/v1/drills", Operation::ListDrills),
    post("/admin/v1/tenants/{tenant}/verify", Operation::Verify),
    get("/admin/v1/tenants/{tenant}/verification", Operation::ShowVerification),
    get("/admin/v1/tenants/{tenant}/differences", Operation::ListDifferences),
    post("/admin/v1/tenants/{tenant}/pause", Operation::PauseTenant),
    post("/admin/v1/tenants/{tenant}/resume", Operation::ResumeTenant),
    put("/admin/v1/tenants/{tenant}/limits", Operation::LimitTenant),
    post("/admin/v1/tenants/{tenant}/read_only", Operation::SetReadOnly),
    post("/admin/v1/pause", Operation::Pause),
    post("/admin/v1/resume", Operation::Resume),
    get("/admin/v1/limits", Operation::ListLimits),
    put("/admin/v1/limits", Operation::Limit),
    get("/admin/v1/jobs", Operation::ListJobs),
    get("/admin/v1/jobs/reasons", Operation::ListReasons),
    post("/admin/v1/jobs/retry", Operation::RetryJobs),
    post("/admin/v1/jobs/{job}/retry", Operation::RetryJob),
    get("/admin/v1/differences", Operation::ListAllDifferences),
    get("/admin/v1/versions", Operation::ListVersions),
    post("/admin/v1/restores", Operation::Restore),
    post("/admin/v1/restores/{restore}/cancel", Operation::CancelRestore),
    get("/admin/v1/restores", Operation::ListRestores),
    get("/admin/v1/restores/plan", Operation::PlanRestore),
    get("/admin/v1/audit", Operation::ListAudit),
    get("/admin/v1/processes", Operation::ListProcesses),
    get("/admin/v1/operators", Operation::ListOperators),
];

#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// With what stands in the path for the template's name.
    Target(Target, String),
    /// The path is known, the method is not; these are.
    OtherMethods(Vec<&'static str>),
    Nothing,
}

/// A '/' at the end makes no other path.
pub fn find(method: &Method, path: &str) -> Found {
    let mut others = Vec::new();
    for route in &ROUTES {
        match capture(route.template, path) {
            Some(name) if route.method == *method => return Found::Target(route.target, name),
            Some(_) => others.push(route.method.as_str()),
            None => {}
        }
    }
    if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
}

/// Decoded: a job's id has a ':' in it, and a tenant's name can have a '-', which a client may escape.
fn capture(template: &str, path: &str) -> Option<String> {
    let decode = |segment| percent_decode_str(segment).decode_utf8().ok();
    let (mut wanted, mut given) = (template.trim_matches('/').split('/'), path.trim_matches('/').split('/'));
    let mut name = String::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(name),
            (Some(wanted), Some(given)) => {
                let given = decode(given)?;
                if wanted.starts_with('{') {
                    name = given.into_owned();
                } else if wanted != given {
                    return None;
                }
            }
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_leads_to_one_target_with_its_name_decoded() {
        let guarded = |operation, name: &str| Found::Target(Target::Guarded(operation), name.to_owned());
        assert_eq!(find(&Method::POST, "/admin/v1/jobs/acme%3A7/retry"), guarded(Operation::RetryJob, "acme:7"));
        assert_eq!(find(&Method::POST, "/admin/v1/jobs/retry/"), guarded(Operation::RetryJobs, ""));
        for path in ["/", "/admin/v1", "/admin/v1/tenants/a/b", "/admin/v1/tenants/%ff", "/admin/v1/tenants//phase/x"] {
            assert_eq!(find(&Method::GET, path), Found::Nothing, "{path}");
        }
        assert_eq!(find(&Method::DELETE, "/admin/v1/tenants/acme/purge"), Found::OtherMethods(vec!["POST", "GET"]));
    }

    proptest! {
        #[test]
        fn no_path_panics(path in ".{0,120}") {
            find(&Method::GET, &path);
        }
    }
}
