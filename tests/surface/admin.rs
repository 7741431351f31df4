//! The admin listener, held to its own document, while a tenant goes all the way.

use http::Method;
use serde_json::{Value, json};
use sluss::admin::routes::ROUTES;

use super::console;
use super::described::Described;
use super::house::{Ask, House, Told, ask};
use super::support::lab::Lab;
use super::support::wait::block_on;

fn get(path: &str) -> Ask {
    Ask::new(&Method::GET, path)
}

fn post(path: &str) -> Ask {
    Ask::new(&Method::POST, path)
}

fn wish(ask: Ask, wish: &Value) -> Ask {
    ask.with("Content-Type", "application/json").body(wish.to_string())
}

fn flip(to: &str, dry_run: bool) -> Ask {
    wish(post("/admin/v1/tenants/acme/phase"), &json!({ "to": to, "dry_run": dry_run }))
}

fn told(told: &Told) -> Value {
    serde_json::from_slice(&told.body).unwrap()
}

#[test]
fn the_admin_listener_answers_as_its_document_says() {
    let house = House::open();
    block_on(async {
        let mut described = Described::of(house.seat.admin_client()).await;
        let table = ROUTES.iter().map(|route| (route.method.to_string(), route.template.to_owned())).collect();
        assert_eq!(described.operations(), table, "the document's operations, and the router's");
        for path in ["/healthz", "/readyz"] {
            described.expect(200, &get(path).by(None)).await;
        }
        console::serves_its_files_and_nothing_else(&described.client).await;
        refusals(&mut described).await;
        walk(&mut described).await;
        differences(&mut described, &house.lab).await;
        steering(&mut described).await;
        quarantine(&mut described, &house.lab).await;
        lists(&mut described).await;
        assert_eq!(described.unseen(), [""; 0], "promised, and never seen");
    });
}

/// Those that every operation knows, whatever it does: nothing is carried out.
async fn refusals(described: &mut Described) {
    for (method, template) in described.operations() {
        let method: Method = method.parse().unwrap();
        let ask = |tenant: &str, job: &str| Ask::new(&method, template.replace("{tenant}", tenant).replace("{job}", job));
        if ["/healthz", "/readyz", "/openapi.json"].contains(&template.as_str()) {
            continue;
        }
        let sound = ask("acme", "acme:1");
        described.refuses_who_may_not(&sound).await;
        described.expect(400, &sound.clone().with("On-Behalf-Of", "x".repeat(401))).await;
        if template.contains('{') {
            described.expect(404, &ask("nobody", "nobody:1")).await;
        }
        if described.takes_a_body(&method, &template) {
            described.expect(400, &sound.clone().body(b"no json".to_vec())).await;
            described.expect(413, &sound.body(vec![b' '; 70_000])).await;
        }
    }
}

/// Forward through all phases, and back.
async fn walk(described: &mut Described) {
    described.expect(409, &flip("dual", false)).await;
    described.expect(409, &wish(post("/admin/v1/tenants/acme/purge"), &json!({}))).await;
    described.expect(200, &flip("shadow", true)).await;
    described.expect(200, &flip("shadow", false)).await;
    described.expect(202, &post("/admin/v1/tenants/acme/sweep")).await;
    until(described, "/admin/v1/tenants/acme", |tenant| tenant["backlog"] == 0 && tenant["held_by"]["both"]["documents"] == 3).await;
    for to in ["dual", "object"] {
        described.expect(200, &flip(to, false)).await;
    }
    verify(described, false).await;
    described.expect(200, &flip("sealed", false)).await;
    described.expect(202, &wish(post("/admin/v1/tenants/acme/purge"), &json!({ "dry_run": true }))).await;
    until(described, "/admin/v1/tenants/acme/purge", |purge| purge["runs"][0]["ended_at"].is_string()).await;
    described.expect(200, &flip("dual", false)).await;
}

async fn verify(described: &mut Described, repair: bool) {
    described.expect(202, &wish(post("/admin/v1/tenants/acme/verify"), &json!({ "repair": repair }))).await;
    let ended = |runs: &Value| runs["progress"].is_null() && runs["runs"][0]["ended_at"].is_string();
    until(described, "/admin/v1/tenants/acme/verification", ended).await;
}

/// One object is damaged, so that there is something to list.
async fn differences(described: &mut Described, lab: &Lab) {
    let folder = lab.objects().join("acme");
    let is_object = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().len() == 36;
    let object = walk_files(&folder).into_iter().find(|path| is_object(path)).unwrap();
    std::fs::remove_file(object).unwrap();
    verify(described, false).await;
    let list = told(&described.expect(200, &get("/admin/v1/tenants/acme/differences?limit=1&after=0")).await);
    assert_eq!(list["differences"][0]["kind"], "object_missing", "{list}");
    for beyond in ["x", "-1", "9223372036854775808"] {
        described.expect(400, &get(&format!("/admin/v1/tenants/acme/differences?after={beyond}"))).await;
    }
}

fn walk_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(walk_files(&path)) } else { found.push(path) }
    }
    found
}

async fn steering(described: &mut Described) {
    for (path, change) in [
        ("/admin/v1/limits", json!({ "concurrency": 2, "bytes_per_second": null })),
        ("/admin/v1/tenants/acme/limits", json!({ "documents_per_second": 1000 })),
    ] {
        let put = |change: &Value| wish(Ask::new(&Method::PUT, path), change);
        described.expect(200, &put(&change)).await;
        for wrong in [json!({}), json!({ "concurrency": 0 }), json!({ "concurrency": -1 }), json!({ "unknown": 1 }), json!([null])] {
            described.expect(400, &put(&wrong)).await;
        }
    }
    described.expect(200, &get("/admin/v1/limits")).await;
    for on in [true, false] {
        described.expect(200, &wish(post("/admin/v1/tenants/acme/read_only"), &json!({ "on": on }))).await;
    }
    for path in ["/admin/v1/pause", "/admin/v1/tenants/acme/pause", "/admin/v1/tenants/acme/resume", "/admin/v1/resume"] {
        described.expect(200, &post(path)).await;
    }
}

/// Agents rest, so that a job stays as it is written.
async fn quarantine(described: &mut Described, lab: &Lab) {
    described.expect(200, &post("/admin/v1/pause")).await;
    described.expect(202, &post("/admin/v1/tenants/acme/sweep")).await;
    let spoil = "UPDATE sluss_job SET state = 'quarantined', failures = 9, owner = NULL, token = NULL WHERE tenant = 'acme'";
    assert!(lab.database().execute(spoil, []).unwrap() > 0);
    let jobs = told(&described.expect(200, &get("/admin/v1/jobs?tenant=acme&state=quarantined&limit=10")).await);
    let job = jobs["jobs"][0]["id"].as_str().unwrap().to_owned();
    described.expect(200, &post(&format!("/admin/v1/jobs/{job}/retry"))).await;
    described.expect(200, &wish(post("/admin/v1/jobs/retry"), &json!({ "tenant": "acme" }))).await;
    described.expect(404, &wish(post("/admin/v1/jobs/retry"), &json!({ "tenant": "nobody" }))).await;
    described.expect(200, &post("/admin/v1/resume")).await;
}

async fn lists(described: &mut Described) {
    let pages = [
        "/metrics",
        "/admin/v1/tenants",
        "/admin/v1/jobs",
        "/admin/v1/audit?check=true&limit=5",
        "/admin/v1/processes",
        "/admin/v1/transfers",
    ];
    for path in pages.into_iter().chain(["/admin/v1/operators", "/admin/v1/audit?before=3"]) {
        described.expect(200, &get(path)).await;
    }
    described.expect_a_stream(&get("/admin/v1/events")).await;
    for path in ["/admin/v1/jobs?tenant=nobody", "/admin/v1/events?tenant=nobody"] {
        described.expect(404, &get(path)).await;
    }
    described.expect(400, &get("/admin/v1/jobs?state=unknown")).await;
    described.expect(400, &get("/admin/v1/audit?check=maybe")).await;
    let told = ask(&described.client, &Ask::new(&Method::DELETE, "/admin/v1/tenants/acme/purge")).await;
    assert_eq!((told.status, told.headers["allow"].as_str()), (405, "POST, GET"));
}

/// Asks until the answer is as expected: agents work in real time.
async fn until(described: &mut Described, path: &str, holds: impl Fn(&Value) -> bool) {
    for _ in 0..600 {
        let value = told(&described.expect(200, &get(path)).await);
        if holds(&value) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{path} never became what was waited for: {:#}", told(&described.expect(200, &get(path)).await));
}
