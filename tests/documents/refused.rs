//! Requests that are refused for what they ask or for who asks. Each gets a problem that says what to do, and changes nothing.

use futures_util::future::join_all;
use sluss::model::phase::Phase;

use super::house::{ACME_TOKEN, GLOBEX_TOKEN, House, OPERATOR, Plan, READER_TOKEN, content, document};
use super::support::customers::{ACME, GLOBEX};
use super::wire::{Answer, Ask, ask};

/// Sends each request in both kinds of phase, and checks that the document at hand stays as it is.
async fn refused(plan: impl Fn(Phase) -> Plan, requests: &[Ask], check: impl Fn(&Answer)) {
    for phase in [Phase::Sql, Phase::Object] {
        let house = House::open(plan(phase)).await;
        let witness = house.plant(&document(&ACME, "1"), content(1, 5000)).await;
        for request in requests {
            // Not by the house, which would lend its token.
            check(&ask(house.documents, request).await);
            house.assert_unchanged(&witness).await;
        }
        house.close().await;
    }
}

fn open_house(phase: Phase) -> Plan {
    Plan { phase, ..Plan::default() }
}

fn with_tokens(phase: Phase) -> Plan {
    Plan { phase, tokens: true, ..Plan::default() }
}

fn bearing(request: Ask, token: &str) -> Ask {
    request.with("Authorization", format!("Bearer {token}"))
}

/// All that can be asked of a document.
fn every_operation(path: &str) -> [Ask; 3] {
    [Ask::get(path), Ask::put(path, "other"), Ask::new("DELETE", path)]
}

#[tokio::test]
async fn an_unknown_tenant_is_not_found() {
    let requests = every_operation("/v1/tenants/initech/documents/1");
    refused(open_house, &requests, |answer| assert_eq!(answer.problem(404, "not-found"), "there is no such tenant")).await;
}

#[tokio::test]
async fn a_malformed_id_is_a_bad_request_that_names_it() {
    let malformed = every_operation("/v1/tenants/acme/documents/1x");
    refused(open_house, &malformed, |answer| {
        assert_eq!(answer.problem(400, "bad-request"), "document id \"1x\" is not an integer of 64 bits");
    })
    .await;
    let too_long = every_operation(&document(&GLOBEX, &"x".repeat(600)));
    refused(open_house, &too_long, |answer| drop(answer.problem(400, "bad-request"))).await;
    let control = every_operation(&document(&GLOBEX, "a%00b"));
    refused(open_house, &control, |answer| drop(answer.problem(400, "bad-request"))).await;
}

#[tokio::test]
async fn headers_that_cannot_be_stored_are_refused_before_the_body_is_read() {
    let put = || Ask::put(document(&ACME, "1"), "other");
    let requests = [
        put().with("Content-Type", "not a type"),
        put().with("Content-Disposition", "attachment; filename*=latin1''x"),
        put().with("Content-Disposition", format!("attachment; filename={}", "x".repeat(300))),
        put().with("If-Match", "no quotes"),
    ];
    refused(open_house, &requests, |answer| drop(answer.problem(400, "bad-request"))).await;
}

#[tokio::test]
async fn a_part_of_a_document_cannot_be_put() {
    let request = Ask::put(document(&ACME, "1"), "part").with("Content-Range", "bytes 0-3/5000");
    refused(open_house, &[request], |answer| {
        assert!(answer.problem(400, "bad-request").contains("Content-Range"), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn a_compressed_body_is_not_taken_for_the_document() {
    let request = Ask::put(document(&ACME, "1"), "gzipped").with("Content-Encoding", "gzip");
    refused(open_house, &[request], |answer| drop(answer.problem(415, "unsupported-encoding"))).await;
}

#[tokio::test]
async fn no_token_and_a_wrong_token_are_told_how_to_bring_one() {
    let path = document(&ACME, "1");
    let mut requests = every_operation(&path).to_vec();
    for wrong in ["Bearer wrong", "Bearer ", "Bearer", "Basic dG9rZW4tb2YtYWNtZQ==", "token-of-acme"] {
        requests.extend(every_operation(&path).map(|request| request.with("Authorization", wrong)));
    }
    refused(with_tokens, &requests, |answer| {
        let detail = answer.problem(401, "unauthorized");
        assert!(detail.contains("Authorization: Bearer"), "{detail}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    })
    .await;
}

#[tokio::test]
async fn a_token_without_the_right_to_write_reads_and_does_not_write() {
    let path = document(&ACME, "1");
    let writes = [Ask::put(&path, "other"), Ask::new("DELETE", &path)].map(|request| bearing(request, READER_TOKEN));
    refused(with_tokens, &writes, |answer| {
        assert!(answer.problem(403, "forbidden").contains("write"), "{answer:?}");
    })
    .await;
    let reads = [Ask::get(&path), Ask::new("HEAD", &path)].map(|request| bearing(request, READER_TOKEN));
    refused(with_tokens, &reads, |answer| assert_eq!(answer.status, 200)).await;
}

#[tokio::test]
async fn another_tenants_token_learns_nothing_not_even_whether_there_is_such_a_tenant() {
    let requests: Vec<Ask> = [document(&ACME, "1"), document(&ACME, "404"), "/v1/tenants/initech/documents/1".to_owned()]
        .iter()
        .flat_map(|path| every_operation(path))
        .map(|request| bearing(request.with("X-Request-Id", "same"), GLOBEX_TOKEN))
        .collect();
    refused(with_tokens, &requests, |answer| {
        assert_eq!(answer.problem(403, "forbidden"), "this token has no access to this tenant");
    })
    .await;
}

#[tokio::test]
async fn another_tenants_document_is_refused_without_a_look_at_any_store() {
    let house = House::open(with_tokens(Phase::Dual)).await;
    std::fs::rename(house.database_file(&GLOBEX), house.database_file(&GLOBEX).with_extension("away")).unwrap();
    let path = document(&GLOBEX, "1");
    for request in every_operation(&path) {
        // Whoever may ask learns that the database is away, so a look at it would show.
        ask(house.documents, &bearing(request.clone(), OPERATOR)).await.problem(503, "store-unavailable");
        ask(house.documents, &bearing(request, ACME_TOKEN)).await.problem(403, "forbidden");
    }
    house.close().await;
}

#[tokio::test]
async fn a_row_that_the_customers_own_table_refuses_is_a_conflict() {
    for phase in [Phase::Sql, Phase::Object] {
        let house = House::open(open_house(phase)).await;
        let witness = house.plant(&document(&ACME, "1"), content(1, 5000)).await;
        let guard = "CREATE TRIGGER locked BEFORE UPDATE ON documents BEGIN SELECT RAISE(ABORT, 'month is closed'); END;
             CREATE TRIGGER kept BEFORE DELETE ON documents BEGIN SELECT RAISE(ABORT, 'kept for ten years'); END;";
        house.database(&ACME).execute_batch(guard).unwrap();
        for request in [Ask::put(&witness.path, "other"), Ask::put(&witness.path, content(2, 1_500_000)), Ask::new("DELETE", &witness.path)]
        {
            let detail = house.ask(&request).await.problem(409, "refused-by-database");
            assert_eq!(detail, "a constraint of the document table refuses this row");
            house.assert_unchanged(&witness).await;
        }
        let open = "SELECT count(*) FROM sluss_upload WHERE state = 'open'";
        assert_eq!(house.database(&ACME).query_row(open, [], |row| row.get::<_, u64>(0)), Ok(0));
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_writers_with_one_precondition_one_writes() {
    for phase in [Phase::Sql, Phase::Dual, Phase::Object] {
        let house = House::open(open_house(phase)).await;
        let path = document(&ACME, "1");
        for length in [0, 3000, 1_500_000] {
            let writers = |name: &'static str, value: String| {
                let path = &path;
                let put = move |seed| Ask::put(path, content(seed, length)).with(name, &value);
                join_all((0..12).map(put).map(|request| {
                    let house = &house;
                    async move { house.ask(&request).await }
                }))
            };
            let created = writers("If-None-Match", "*".to_owned()).await;
            let (won, lost): (Vec<_>, Vec<_>) = created.iter().partition(|answer| answer.status == 201);
            assert_eq!((won.len(), lost.len()), (1, 11), "{phase}: {created:?}");
            for answer in lost {
                answer.problem(412, "precondition-failed");
            }
            let replaced = writers("If-Match", won[0].header("etag").to_owned()).await;
            let won: Vec<_> = replaced.iter().filter(|answer| answer.status == 204).collect();
            assert_eq!(won.len(), 1, "{phase}: {replaced:?}");
            assert_eq!(house.ask(&Ask::new("DELETE", &path).with("If-Match", won[0].header("etag"))).await.status, 204);
        }
        house.close().await;
    }
}
