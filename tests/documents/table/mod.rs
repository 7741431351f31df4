//! One table of cases: every method, condition, range and digest, over every state that a document can be in, in every phase. What each
//! answer has to be is computed by a small model of RFC 9110 and RFC 9530 that knows nothing of the product and nothing of phases, so an
//! answer that is right here is the same in all of them.

mod cases;
mod rfc;
mod stage;

use futures_util::{StreamExt, stream};
use sluss::model::phase::Phase;
use sluss_s3::Bucket;
use sluss_tds::ground::Ground;

use self::cases::{Case, Effect, Extent, State, reads, writes};
use self::rfc::Verdict;
use self::stage::{Doc, Stage};
use super::wire::{Answer, Ask};

/// Requests at once.
const AT_ONCE: usize = 8;

/// A case, and the document of each phase that it is asked of: one that changes its document needs a fresh one each time.
struct Row {
    case: Case,
    docs: Vec<Doc>,
}

impl Row {
    fn doc(&self, station: usize) -> &Doc {
        self.docs.get(station).unwrap_or(&self.docs[0])
    }
}

async fn rows(stage: &Stage, extent: Extent) -> Vec<Row> {
    let cases: Vec<Case> = reads(extent).into_iter().chain(writes(extent)).collect();
    let needed = |case: &Case| if rfc::verdict(case).effect() == Effect::Nothing { 1 } else { Phase::ALL.len() };
    let states: Vec<State> = State::ALL
        .into_iter()
        .chain(cases.iter().filter(|case| case.method.changes()).flat_map(|case| vec![case.state; needed(case)]))
        .collect();
    let mut docs = stage.plant(&states).await.into_iter();
    let shared: Vec<Doc> = docs.by_ref().take(State::ALL.len()).collect();
    let row = |case: Case| {
        let docs = if case.method.changes() {
            docs.by_ref().take(needed(&case)).collect()
        } else {
            shared.iter().filter(|doc| doc.state == case.state).cloned().collect()
        };
        Row { case, docs }
    };
    cases.into_iter().map(row).collect()
}

async fn play(stage: &Stage, extent: Extent) {
    let rows = rows(stage, extent).await;
    let fewest = if extent == Extent::Products { 1700 } else { 400 };
    assert!(rows.len() > fewest, "only {} cases", rows.len());
    for (station, phase) in Phase::ALL.into_iter().enumerate() {
        stage.set_phase(phase);
        let played = stream::iter(&rows).map(|row| one(stage, &row.case, row.doc(station), phase)).buffer_unordered(AT_ONCE);
        let wrong: Vec<String> = played.filter_map(async |result| result.err()).collect().await;
        let shown = wrong.iter().take(10).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(wrong.is_empty(), "{} of {} cases in {phase}:\n{shown}", wrong.len(), rows.len());
    }
}

/// Asks one case, and looks at what it left behind.
async fn one(stage: &Stage, case: &Case, doc: &Doc, phase: Phase) -> Result<(), String> {
    let verdict = rfc::verdict(case);
    let ask = cases::ask(case, doc);
    let answer = stage.ask(&ask).await;
    let told = |reason: String| format!("{case:?} of {}: {reason}: expected {verdict:?}, found {answer:?}", doc.path);
    rfc::check(&verdict, doc, &answer).map_err(told)?;
    served_from(&verdict, doc, phase, &answer).map_err(told)?;
    if case.method.changes() { after(stage, &verdict, doc, &answer).await.map_err(told) } else { Ok(()) }
}

/// The only thing that may tell phases apart.
fn served_from(verdict: &Verdict, doc: &Doc, phase: Phase, answer: &Answer) -> Result<(), String> {
    let found = answer.header("served-from");
    let expected = match (verdict.sends_document(), doc.state) {
        (false, _) => "",
        (true, State::Sole) => "object",
        // A store that is slow to begin is not waited for where SQL has the same, and on a busy machine it may be.
        (true, State::Both) if phase >= Phase::Dual && found != "sql" => "object",
        (true, State::Absent | State::Empty | State::NoContent | State::SoftDeleted | State::Sql | State::Both) => "sql",
    };
    rfc::same("served-from", &found, &expected)
}

async fn after(stage: &Stage, verdict: &Verdict, doc: &Doc, answer: &Answer) -> Result<(), String> {
    let now = stage.ask(&Ask::get(&doc.path)).await;
    match verdict.effect() {
        Effect::Written => {
            rfc::same("status after a PUT", &now.status, &200)?;
            rfc::same("the ETag of a PUT", &answer.header("etag"), &now.header("etag"))?;
            rfc::same("content after a PUT", &now.body.as_slice(), &cases::NEW)
        }
        Effect::Deleted => rfc::same("status after a DELETE", &now.status, &404),
        Effect::Nothing if doc.state.has_content() => {
            rfc::same("status after nothing", &now.status, &200)?;
            rfc::same("ETag after nothing", &now.header("etag"), &doc.etag.as_str())?;
            rfc::same("content after nothing", &now.body, &doc.content)
        }
        Effect::Nothing => rfc::same("status after nothing", &now.status, &404),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_in_every_phase_over_sqlite_and_a_disk() {
    let stage = Stage::on_file().await;
    play(&stage, Extent::Products).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_in_every_phase_over_sql_server_and_s3() {
    let (ground, bucket) = (Ground::new().await, Bucket::new());
    let stage = Stage::on_servers(&ground, &bucket).await;
    play(&stage, Extent::Crosses).await;
    stage.close().await;
}
