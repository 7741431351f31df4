//! Commands that ask the admin API, and how their answers look on a terminal.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::BytesMut;
use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::progress::{Progress, duration};
use super::{AdminArgs, Exit, limits};
use crate::admin::verification::VerificationView;
use crate::admin::views::{Counted, TenantList, TenantView};
use crate::body;
use crate::client::{Answer, ClientTls, HttpClient};
use crate::migrate::cutover::{FlipOutcome, FlipReport};
use crate::model::phase::{Phase, Verdict};

/// Between two looks while a command waits.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Remote {
    http: HttpClient,
    /// Where the token is from, for messages.
    token_file: Option<PathBuf>,
    json: bool,
}

impl Remote {
    pub(super) fn new(admin: &AdminArgs, json: bool) -> anyhow::Result<Self> {
        let token = match &admin.token_file {
            Some(path) => Some(std::fs::read_to_string(path).with_context(|| format!("read the token from {}", path.display()))?),
            None => None,
        };
        let tls = ClientTls { authority: admin.admin_ca.clone(), identity: admin.admin_certificate.clone().zip(admin.admin_key.clone()) };
        let http = HttpClient::with_tls(admin.admin_url.clone(), token.as_deref().map(str::trim), &tls)?;
        Ok(Self { http, token_file: admin.token_file.clone(), json })
    }

    pub(super) async fn list_tenants(&self) -> anyhow::Result<Exit> {
        let answer = self.ask(Method::GET, "/admin/v1/tenants", None).await?;
        if self.printed(&answer) {
            return Ok(Exit::Done);
        }
        let list: TenantList = read(answer)?;
        println!(
            "{:<20} {:<8} {:>12} {:>12} {:>12} {:>9} {:>11}",
            "TENANT", "PHASE", "IN SQL", "IN BOTH", "IN OBJECT", "BACKLOG", "QUARANTINED"
        );
        for tenant in &list.tenants {
            if let Some(problem) = &tenant.problem {
                println!("{:<20} {problem}", tenant.tenant);
                continue;
            }
            let phase = tenant.phase.map_or("?", Phase::label);
            let count = |holder: &str| tenant.held_by.get(holder).map_or(0, |held| held.documents);
            let marks = [("paused", tenant.limits.paused || tenant.all_paused), ("read-only", tenant.read_only)];
            let marks: String = marks.iter().filter(|(_, is)| *is).map(|(mark, _)| format!("  {mark}")).collect();
            println!(
                "{:<20} {phase:<8} {:>12} {:>12} {:>12} {:>9} {:>11}{marks}",
                tenant.tenant,
                count("sql"),
                count("both"),
                count("object"),
                tenant.backlog,
                tenant.quarantined
            );
        }
        Ok(Exit::Done)
    }

    pub(super) async fn show_tenant(&self, tenant: &str) -> anyhow::Result<Exit> {
        let answer = self.ask(Method::GET, &format!("/admin/v1/tenants/{}", segment(tenant)), None).await?;
        let printed = self.printed(&answer);
        let view: TenantView = read(answer)?;
        if !printed {
            print_tenant(&view);
        }
        Ok(if view.problem.is_none() { Exit::Done } else { Exit::Failed })
    }

    pub(super) async fn ask_flip(&self, tenant: &str, to: Phase, dry_run: bool) -> anyhow::Result<Value> {
        let wish = json!({ "to": to, "dry_run": dry_run });
        self.ask(Method::POST, &format!("/admin/v1/tenants/{}/phase", segment(tenant)), Some(wish)).await
    }

    pub(super) async fn sweep(&self, tenant: &str, wait: bool) -> anyhow::Result<Exit> {
        let path = format!("/admin/v1/tenants/{}", segment(tenant));
        let answer = self.ask(Method::POST, &format!("{path}/sweep"), None).await?;
        if !wait && self.printed(&answer) {
            return Ok(Exit::Done);
        }
        let counted: Counted = read(answer)?;
        if !self.json {
            println!("{tenant}: {} jobs asked for", counted.jobs);
        }
        if !wait {
            return Ok(Exit::Done);
        }
        let (mut progress, mut most) = (Progress::new(tenant, self.json), 0);
        loop {
            let answer = self.ask(Method::GET, &path, None).await?;
            let view: TenantView = read(answer.clone())?;
            if let Some(problem) = &view.problem {
                bail!("whether the jobs of {tenant} are done cannot be told: {problem}");
            }
            if view.backlog == 0 {
                drop(progress);
                if !self.printed(&answer) {
                    print_tenant(&view);
                }
                return Ok(if view.quarantined == 0 { Exit::Done } else { Exit::Failed });
            }
            if let Some(owner) = &view.objects_of {
                bail!("the objects of {tenant} belong to installation {owner}, and no agent works here; see `sluss reconcile`");
            }
            // The sweep finds more as it goes.
            most = most.max(view.backlog);
            let rest = if view.limits.paused || view.all_paused { ", paused" } else { "" };
            progress.show(most - view.backlog, Some(most), |pace| format!("{} jobs to go{pace}{rest}", view.backlog));
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// An answer that is not an error; a flip's refusal is an answer too.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let (status, value) = self.http.json(method, path, body.as_ref()).await?;
        if status.is_success() || (status == StatusCode::CONFLICT && value.get("outcome").is_some()) {
            return Ok(value);
        }
        Err(self.refusal(status, &value))
    }

    /// An answer of lines, each as it comes.
    pub(super) async fn lines(&self, path: &str) -> anyhow::Result<Lines> {
        let answer = self.http.request(Method::GET, path, HeaderMap::new(), body::empty()).await?;
        let status = answer.status;
        if status.is_success() {
            return Ok(Lines { answer, begun: BytesMut::new() });
        }
        let problem = answer.bytes(MAX_LINE_BYTES).await?;
        Err(self.refusal(status, &serde_json::from_slice(&problem).unwrap_or_default()))
    }

    fn refusal(&self, status: StatusCode, problem: &Value) -> anyhow::Error {
        match problem.get("detail").and_then(Value::as_str) {
            _ if status == StatusCode::UNAUTHORIZED => match &self.token_file {
                Some(file) => anyhow!("the admin API does not know the token in {}", file.display()),
                None => anyhow!("the admin API asks for a token: name a file that holds it with --token-file"),
            },
            Some(detail) if is_no_such_path(problem) => anyhow!("{detail}: is --admin-url the address of the admin listener?"),
            Some(detail) => anyhow!("{detail}"),
            None => anyhow!("the admin API answered {status}"),
        }
    }

    /// What a page is answered with, whose body nobody wants.
    pub(super) async fn status(&self, path: &str) -> anyhow::Result<StatusCode> {
        Ok(self.http.request(Method::GET, path, HeaderMap::new(), body::empty()).await?.status)
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    pub(super) fn printed(&self, answer: &Value) -> bool {
        if self.json {
            println!("{answer}");
        }
        self.json
    }
}

/// Far longer than any line is: a name has a few hundred characters.
const MAX_LINE_BYTES: usize = 256 << 10;

/// The lines of an answer.
pub(super) struct Lines {
    answer: Answer,
    begun: BytesMut,
}

impl Lines {
    /// `None` at the end.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line = self.begun.split_to(end + 1);
                return Ok(Some(std::str::from_utf8(&line[..end]).context("the admin API's answer is not UTF-8")?.to_owned()));
            }
            if self.begun.len() > MAX_LINE_BYTES {
                bail!("the admin API's answer has a line without an end");
            }
            match self.answer.piece().await? {
                Some(piece) => self.begun.extend_from_slice(&piece),
                None => return Ok(None),
            }
        }
    }
}

pub(super) fn read<T: DeserializeOwned>(answer: Value) -> anyhow::Result<T> {
    serde_json::from_value(answer).context("the admin API's answer is of another version")
}

fn is_no_such_path(problem: &Value) -> bool {
    problem.get("type").and_then(Value::as_str).is_some_and(|name| name.ends_with(":no-such-path"))
}

pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn print_tenant(view: &TenantView) {
    println!("{}: phase {}", view.tenant, view.phase.map_or("?", Phase::label));
    // What could not be read stands in the view as none at all: better no figures than wrong ones.
    if let Some(problem) = &view.problem {
        return println!("  problem: {problem}");
    }
    limits::print_marks(view);
    if let Some(owner) = &view.objects_of {
        println!("  its objects belong to installation {owner}: nothing is changed here; see `sluss reconcile`");
    }
    for (holder, held) in &view.held_by {
        println!("  held by {holder:<7} {:>10} documents {:>15} bytes", held.documents, held.bytes);
    }
    match view.counted_at {
        Some(at) => println!("  counted by the sweep that ended {at:.0}, and carried on since"),
        None => println!("  not counted yet: no sweep has ended"),
    }
    println!("  backlog {}, quarantined {}", view.backlog, view.quarantined);
    if view.documents_per_second > 0.0 {
        let left = view.eta_seconds.map(|seconds| format!(", {} left", duration(seconds as u64))).unwrap_or_default();
        let (documents, rate, bytes) = (view.remaining_documents, view.documents_per_second, view.bytes_per_second / 1e6);
        println!("  {documents} documents to move, {rate:.1} documents/s, {bytes:.1} MB/s{left}");
    }
    for jobs in &view.jobs {
        println!("    {:<10} {:<12} {:>8}  oldest of {:.0}", jobs.kind.label(), jobs.state.label(), jobs.jobs, jobs.oldest);
    }
    let VerificationView { under_way, last_complete, open_differences } = &view.verification;
    match last_complete {
        Some(at) => print!("  verified as a whole since {at:.0}"),
        None => print!("  never verified as a whole"),
    }
    println!("{}, differences {open_differences}", if *under_way { ", a verification is under way" } else { "" });
    if view.only_in_object_store + view.open_uploads == 0 {
        println!("  sql is complete: no content lies in the object store only");
    } else {
        println!(
            "  sql is not complete: {} documents only in the object store, {} writes under way to it",
            view.only_in_object_store, view.open_uploads
        );
    }
}

/// Every guard with its verdict, and what happened.
pub(super) fn print_flip(report: &FlipReport) {
    print_guards(report, |_| true);
    print_end_of_flip(report);
}

/// What happened, and what stood against it.
pub(super) fn print_outcome(report: &FlipReport) {
    print_guards(report, |verdict| !verdict.passed);
    print_end_of_flip(report);
}

fn print_guards(report: &FlipReport, shown: impl Fn(&&Verdict) -> bool) {
    for verdict in report.guards.iter().filter(shown) {
        println!("  {} {:<18} {}", if verdict.passed { "pass " } else { "BLOCK" }, verdict.guard.label(), verdict.detail);
    }
}

fn print_end_of_flip(report: &FlipReport) {
    let FlipReport { tenant, from, to, .. } = report;
    println!(
        "{}",
        match report.outcome {
            FlipOutcome::Flipped => format!("{tenant}: {from} -> {to}"),
            FlipOutcome::AlreadyThere => format!("{tenant} is in {to} already"),
            FlipOutcome::WouldFlip => format!("{tenant}: {from} -> {to} would pass; nothing was changed"),
            FlipOutcome::Blocked => format!("{tenant} stays in {from}: a guard does not pass"),
            FlipOutcome::Moved => format!("{tenant}: somebody else flipped first; look again"),
        }
    );
}
