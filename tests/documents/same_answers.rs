//! One table of requests, asked in every phase on the way there and back. A client can tell nothing of the stores but `Served-From`.

use std::ops::Range;

use rusqlite::params;
use sluss::model::phase::Phase;

use super::house::{House, KIB, MIB, content, document, lasting};
use super::support::customers::{ACME, GLOBEX};
use super::wire::{Answer, Ask};

const WALK: [Phase; 7] = [Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object, Phase::Dual, Phase::Shadow, Phase::Sql];

/// A document of the table.
struct Doc {
    path: String,
    content: Vec<u8>,
    etag: String,
    modified: String,
}

/// The documents, by what is special about them.
struct Shelf {
    /// 0 bytes.
    empty: Doc,
    /// A few bytes, with a media type and a name of other letters than ASCII.
    small: Doc,
    /// Several of SQL's portions, none of an object's pieces whole.
    medium: Doc,
    /// More than three pieces; neither media type nor name.
    large: Doc,
    /// Of the other tenant, with an id that has to be escaped.
    foreign: Doc,
}

/// What the body of an answer has to be.
enum Body<'a> {
    Nothing,
    Part(&'a Doc, Range<usize>),
    Problem(&'static str),
}

struct Case<'a> {
    name: &'static str,
    ask: Ask,
    status: u16,
    body: Body<'a>,
}

fn whole(doc: &Doc) -> Body<'_> {
    Body::Part(doc, 0..doc.content.len())
}

fn range(doc: &Doc, range: &str) -> Ask {
    Ask::get(&doc.path).with("Range", range)
}

#[rustfmt::skip]
fn cases(shelf: &Shelf) -> Vec<Case<'_>> {
    use Body::{Nothing, Part, Problem};
    let Shelf { empty, small, medium, large, foreign } = shelf;
    let get = |doc: &Doc| Ask::get(&doc.path);
    let head = |doc: &Doc| Ask::new("HEAD", &doc.path);
    let tagged = |doc: &Doc, name: &str, value: String| Ask::get(&doc.path).with(name, value);
    let (mib, end) = (MIB as usize, large.content.len());
    let cases: Vec<(&'static str, Ask, u16, Body<'_>)> = vec![
        ("the empty document", get(empty), 200, whole(empty)),
        ("a small document", get(small), 200, whole(small)),
        ("a medium document", get(medium), 200, whole(medium)),
        ("a large document", get(large), 200, whole(large)),
        ("an escaped id", get(foreign), 200, whole(foreign)),
        ("an id in another case, where the column takes both", Ask::get(foreign.path.to_lowercase()), 200, whole(foreign)),
        ("HEAD of the empty document", head(empty), 200, Nothing),
        ("HEAD of a small document", head(small), 200, Nothing),
        ("HEAD of a large document", head(large), 200, Nothing),
        ("HEAD asks for no range", head(large).with("Range", "bytes=0-0"), 200, Nothing),
        ("the first byte", range(small, "bytes=0-0"), 206, Part(small, 0..1)),
        ("the last byte", range(small, "bytes=-1"), 206, Part(small, 10..11)),
        ("from the middle on", range(medium, "bytes=100000-"), 206, Part(medium, 100_000..300 * KIB as usize)),
        ("across two pieces", range(large, "bytes=1048570-1048581"), 206, Part(large, mib - 6..mib + 6)),
        ("one whole piece", range(large, "bytes=1048576-2097151"), 206, Part(large, mib..2 * mib)),
        ("across all pieces", range(large, "bytes=1-3145744"), 206, Part(large, 1..end)),
        ("the last piece's last bytes", range(large, "bytes=-17"), 206, Part(large, end - 17..end)),
        ("to beyond the end", range(large, "bytes=3145740-99999999"), 206, Part(large, end - 5..end)),
        ("a suffix longer than the document", range(small, "bytes=-5000"), 206, whole(small)),
        ("behind the end", range(small, "bytes=11-"), 416, Problem("range-not-satisfiable")),
        ("an empty suffix", range(small, "bytes=-0"), 416, Problem("range-not-satisfiable")),
        ("any range of the empty document", range(empty, "bytes=0-"), 416, Problem("range-not-satisfiable")),
        ("a range in another unit", range(small, "lines=0-1"), 200, whole(small)),
        ("a range the wrong way round", range(small, "bytes=5-2"), 200, whole(small)),
        ("a range that is no range", range(small, "bytes=one-two"), 200, whole(small)),
        ("ranges that overlap", range(small, "bytes=0-4,4-5"), 200, whole(small)),
        ("If-Match that holds", tagged(large, "If-Match", large.etag.clone()), 200, whole(large)),
        ("If-Match of any", tagged(small, "If-Match", "*".to_owned()), 200, whole(small)),
        ("If-Match that holds not", tagged(small, "If-Match", "\"r-1-0\"".to_owned()), 412, Problem("precondition-failed")),
        ("If-Match with a weak tag", tagged(small, "If-Match", format!("W/{}", small.etag)), 412, Problem("precondition-failed")),
        ("If-Match that is no tag", tagged(small, "If-Match", "r-1-0".to_owned()), 400, Problem("bad-request")),
        ("If-None-Match of what is there", tagged(medium, "If-None-Match", medium.etag.clone()), 304, Nothing),
        ("If-None-Match with a weak tag", tagged(medium, "If-None-Match", format!("\"x\", W/{}", medium.etag)), 304, Nothing),
        ("If-None-Match of any", tagged(empty, "If-None-Match", "*".to_owned()), 304, Nothing),
        ("If-None-Match of another", tagged(medium, "If-None-Match", "\"r-1-0\"".to_owned()), 200, whole(medium)),
        ("HEAD with If-None-Match", head(large).with("If-None-Match", &large.etag), 304, Nothing),
        ("If-Range of what is there", range(large, "bytes=5-9").with("If-Range", &large.etag), 206, Part(large, 5..10)),
        ("If-Range of another", range(medium, "bytes=5-9").with("If-Range", "\"r-1-0\""), 200, whole(medium)),
        ("If-Range with a weak tag", range(small, "bytes=5-9").with("If-Range", format!("W/{}", small.etag)), 200, whole(small)),
        ("If-Range with its date", range(small, "bytes=5-9").with("If-Range", &small.modified), 206, Part(small, 5..10)),
        ("If-Range with a later date", range(small, "bytes=5-9").with("If-Range", "Sun, 01 Mar 2026 08:00:01 GMT"), 200, whole(small)),
        ("a row without content", Ask::get(document(&ACME, "5")), 404, Problem("not-found")),
        ("no such document", Ask::get(document(&ACME, "404")), 404, Problem("not-found")),
        ("HEAD of no such document", Ask::new("HEAD", document(&ACME, "404")), 404, Nothing),
        ("DELETE of no such document", Ask::new("DELETE", document(&ACME, "404")), 404, Problem("not-found")),
        ("an id that is no number", Ask::get(document(&ACME, "seven")), 400, Problem("bad-request")),
        ("an id that is no text", Ask::get(document(&GLOBEX, "%ff")), 400, Problem("bad-request")),
        ("an unknown collection", Ask::get("/v1/tenants/acme/pictures/1"), 404, Problem("not-found")),
        ("an unknown tenant", Ask::get("/v1/tenants/initech/documents/1"), 404, Problem("not-found")),
        ("a tenant that is no name", Ask::get("/v1/tenants/ACME/documents/1"), 400, Problem("bad-request")),
        ("no such path", Ask::get("/v2/tenants/acme/documents/1"), 404, Problem("no-such-path")),
        ("another method", Ask::new("PATCH", &small.path), 405, Problem("method-not-allowed")),
        ("PUT that must not replace", Ask::put(&small.path, "other").with("If-None-Match", "*"), 412, Problem("precondition-failed")),
        ("PUT on another content", Ask::put(&large.path, "other").with("If-Match", "\"r-1-0\""), 412, Problem("precondition-failed")),
        ("DELETE of another content", Ask::new("DELETE", &large.path).with("If-Match", "\"r-1-0\""), 412, Problem("precondition-failed")),
    ];
    cases.into_iter().map(|(name, ask, status, body)| Case { name, ask, status, body }).collect()
}

/// What an application wrote before there was a gateway.
fn fill_tables(house: &House) {
    let acme = house.database(&ACME);
    let insert = "INSERT INTO documents (id, media_type, file_name, modified_at, content) VALUES (?1, ?2, ?3, '2026-03-01 08:00:00', ?4)";
    acme.execute(insert, params![1, "text/csv", "tom.csv", Vec::<u8>::new()]).unwrap();
    acme.execute(insert, params![2, "text/plain; charset=utf-8", "Möteskallelse å.txt", content(2, 11)]).unwrap();
    acme.execute(insert, params![3, "application/pdf", "report \"final\".pdf", content(3, 300 * KIB)]).unwrap();
    acme.execute(insert, params![4, None::<&str>, None::<&str>, content(4, 3 * MIB + 17)]).unwrap();
    acme.execute(insert, params![5, "text/plain", "none.txt", None::<Vec<u8>>]).unwrap();
    let globex = house.database(&GLOBEX);
    let insert = "INSERT INTO Filer (Nyckel, Typ, Namn, Andrad, Data) VALUES (?1, 'text/plain', '中文 %.txt', 1772352000, ?2)";
    globex.execute(insert, params!["Protokoll/2024 Nr.1", content(6, 70 * KIB)]).unwrap();
}

async fn look_at(house: &House, path: String, content: Vec<u8>) -> Doc {
    let answer = house.ask(&Ask::new("HEAD", &path)).await;
    assert_eq!(answer.status, 200, "{path}");
    Doc { path, content, etag: answer.header("etag").to_owned(), modified: answer.header("last-modified").to_owned() }
}

async fn shelf(house: &House) -> Shelf {
    Shelf {
        empty: look_at(house, document(&ACME, "1"), Vec::new()).await,
        small: look_at(house, document(&ACME, "2"), content(2, 11)).await,
        medium: look_at(house, document(&ACME, "3"), content(3, 300 * KIB)).await,
        large: look_at(house, document(&ACME, "4"), content(4, 3 * MIB + 17)).await,
        foreign: look_at(house, document(&GLOBEX, "Protokoll%2F2024%20Nr.1"), content(6, 70 * KIB)).await,
    }
}

#[track_caller]
fn check(case: &Case<'_>, answer: &Answer, phase: Phase) {
    assert_eq!((answer.status, answer.whole), (case.status, true), "{} in {phase}: {answer:?}", case.name);
    match &case.body {
        Body::Nothing => assert_eq!(answer.body, b"", "{} in {phase}", case.name),
        Body::Problem(label) => drop(answer.problem(case.status, label)),
        Body::Part(doc, range) => assert!(answer.body == doc.content[range.clone()], "{} in {phase}: {answer:?}", case.name),
    }
    if answer.status == 200 || answer.status == 206 {
        let served_from = if phase <= Phase::Shadow { "sql" } else { "object" };
        assert_eq!(answer.header("served-from"), served_from, "{} in {phase}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_has_the_same_answer_in_every_phase() {
    let house = House::in_phase(Phase::Sql).await;
    fill_tables(&house);
    let shelf = shelf(&house).await;
    let cases = cases(&shelf);
    assert!(cases.len() >= 30);
    let mut first: Vec<Answer> = Vec::new();
    for (station, phase) in WALK.into_iter().enumerate() {
        for customer in [&ACME, &GLOBEX] {
            if station > 0 {
                house.flip(customer, phase).await;
            }
            house.settle(customer).await;
        }
        for (number, case) in cases.iter().enumerate() {
            // The same request id each time, so that bodies which repeat it are the same too.
            let answer = house.ask(&case.ask.clone().with("X-Request-Id", format!("case-{number}"))).await;
            check(case, &answer, phase);
            assert_eq!(answer.header("x-request-id"), format!("case-{number}"));
            match first.get(number) {
                None => first.push(answer),
                Some(before) => {
                    assert_eq!(lasting(&answer), lasting(before), "{} in {phase}", case.name);
                    assert!(answer.body == before.body, "{} in {phase}: {answer:?}", case.name);
                }
            }
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_comes_and_goes_in_the_same_way_in_every_phase() {
    let house = House::in_phase(Phase::Sql).await;
    let mut first = None;
    for (station, phase) in WALK.into_iter().enumerate() {
        if station > 0 {
            house.flip(&ACME, phase).await;
        }
        let mut trip = Vec::new();
        for (id, length) in [("70", 0), ("71", 12), ("72", 70 * KIB), ("73", 2 * MIB + 5)] {
            trip.extend(round_trip(&house, &document(&ACME, id), length).await);
        }
        house.settle(&ACME).await;
        let first = first.get_or_insert_with(|| trip.clone());
        for (number, (now, before)) in trip.iter().zip(first.iter()).enumerate() {
            assert_eq!(now, before, "step {number} in {phase}");
        }
    }
    house.close().await;
}

/// Writes, reads, replaces and removes a document; answers what of it must be the same everywhere.
async fn round_trip(house: &House, path: &str, length: u64) -> Vec<(u16, Vec<(String, String)>, Vec<u8>)> {
    let (one, two) = (content(length, length), content(length + 1, length));
    let named = |ask: Ask| ask.with("Content-Type", "text/x-test").with("Content-Disposition", "attachment; filename*=UTF-8''%C3%A5.txt");
    let mut answers = Vec::new();
    let mut step = async |ask: Ask| {
        let answer = house.ask(&ask.with("X-Request-Id", "trip")).await;
        let etag = answer.header("etag").to_owned();
        answers.push(answer);
        etag
    };
    step(Ask::put(path, one.clone()).with("If-Match", "*")).await;
    let created = step(named(Ask::put(path, one.clone())).with("If-None-Match", "*")).await;
    let read = step(Ask::get(path)).await;
    assert_eq!(read, created, "the ETag of a write is the document's");
    step(Ask::put(path, two.clone()).with("If-None-Match", "*")).await;
    let replaced = step(Ask::put(path, two.clone()).with("If-Match", &created)).await;
    assert_ne!(replaced, created, "another content has another name");
    step(Ask::put(path, one).with("If-Match", &created)).await;
    step(Ask::get(path).with("If-Match", &replaced)).await;
    step(Ask::get(path).with("Range", "bytes=3-7")).await;
    step(Ask::new("DELETE", path).with("If-Match", &created)).await;
    step(Ask::new("DELETE", path).with("If-Match", &replaced)).await;
    step(Ask::get(path)).await;
    step(Ask::new("DELETE", path)).await;
    let expected = [412, 201, 200, 412, 204, 412, 200, if length == 0 { 416 } else { 206 }, 412, 204, 404, 404];
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), expected, "{path}");
    assert!(answers[6].body == two, "{path}: {:?}", answers[6]);
    answers.iter().map(|answer| (answer.status, shape(answer), answer.body.clone())).collect()
}

/// Headers, with the values that are a fresh name or a time left out.
fn shape(answer: &Answer) -> Vec<(String, String)> {
    let mut headers = lasting(answer);
    for (name, value) in &mut headers {
        if name == "etag" || name == "last-modified" {
            value.clear();
        }
    }
    headers
}
