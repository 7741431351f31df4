//! The admin listener, held to its own document, while a tenant goes all the way.

use http::Method;
use serde_json::{Value, json};
use sluss::admin::routes::ROUTES;
use sluss::clock::{Clock, SystemClock};

use super::console;
use super::described::Described;
use super::house::{Ask, EVERYTHING, House, KEEPER, Told, ask};
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
        backups(&mut described).await;
        drills(&mut described).await;
        restores(&mut described).await;
        watching(&mut described).await;
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
        let ask = |tenant: &str, job: &str| {
            Ask::new(&method, template.replace("{tenant}", tenant).replace("{job}", job).replace("{restore}", job))
        };
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
    let flip_seen_in = |from: &str| wish(post("/admin/v1/tenants/acme/phase"), &json!({ "from": from, "to": "shadow" }));
    let moved = told(&described.expect(409, &flip_seen_in("dual")).await);
    assert_eq!((&moved["outcome"], &moved["from"]), (&json!("moved"), &json!("sql")), "it is not where the operator saw it: {moved}");
    described.expect(200, &flip_seen_in("sql")).await;
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

async fn backups(described: &mut Described) {
    let back_up = |tenant: &str| wish(post("/admin/v1/backups"), &json!({ "tenant": tenant }));
    described.expect(404, &back_up("nobody")).await;
    described.expect(409, &back_up("globex")).await;
    described.expect(403, &back_up("globex").by(Some(KEEPER))).await;
    described.expect(202, &back_up("acme")).await;
    until(described, "/admin/v1/backups?tenant=acme", |list| list["tenants"][0]["runs"][0]["state"] == "kept").await;
    described.expect(200, &get("/admin/v1/backups?limit=1")).await;
    described.expect(404, &get("/admin/v1/backups?tenant=nobody")).await;
    described.expect(403, &get("/admin/v1/backups?tenant=globex").by(Some(KEEPER))).await;
}

async fn drills(described: &mut Described) {
    let drill = |of: &Value| wish(post("/admin/v1/drills"), of);
    let list = "/admin/v1/drills?tenant=acme";
    assert_eq!(told(&described.expect(200, &get(list)).await)["tenants"][0]["drills"], json!([]));
    described.expect(404, &drill(&json!({ "tenant": "nobody" }))).await;
    described.expect(403, &drill(&json!({ "tenant": "globex" })).by(Some(KEEPER))).await;
    for mistaken in [json!({ "tenant": "acme", "sample": 0 }), json!({ "tenant": "acme", "sample": 1, "all": true })] {
        described.expect(400, &drill(&mistaken)).await;
    }
    let refused = told(&described.expect(409, &drill(&json!({ "tenant": "globex" }))).await);
    assert_eq!(refused["blockers"].as_array().unwrap().len(), 1, "{refused}");
    described.expect(202, &drill(&json!({ "tenant": "acme", "all": true })).with("On-Behalf-Of", "an auditor")).await;
    // The one that has just begun is under way still, or has ended.
    let (again, seen) = (described.ask(&drill(&json!({ "tenant": "acme", "sample": 1 }))).await, described.expect(200, &get(list)).await);
    assert!([202, 409].contains(&again.status), "{again:?} {seen:?}");
    until(described, list, |list| {
        let tenant = &list["tenants"][0];
        tenant["under_way"].is_null() && !tenant["drills"].as_array().unwrap().is_empty()
    })
    .await;
    let drills = told(&described.expect(200, &get(list)).await)["tenants"][0].clone();
    let whole = drills["drills"].as_array().unwrap().iter().find(|drill| drill["whole"] == true).unwrap().clone();
    let of = ["by", "documents", "compared_with_primary", "different", "passed"].map(|figure| whole[figure].clone());
    assert_eq!(of, [json!(format!("{EVERYTHING} for an auditor")), json!(3), json!(3), json!(0), json!(true)], "{whole}");
    assert_eq!((&drills["configured"], drills["passed_at"].is_string(), &drills["unreadable"]), (&json!(true), true, &json!(0)));
    described.expect(200, &get("/admin/v1/drills?limit=1").by(Some(KEEPER))).await;
    described.expect(404, &get("/admin/v1/drills?tenant=nobody")).await;
    described.expect(403, &get("/admin/v1/drills?tenant=globex").by(Some(KEEPER))).await;
}

async fn restores(described: &mut Described) {
    let now = SystemClock.now().to_string();
    let restore =
        |tenant: &str, at: &str| wish(post("/admin/v1/restores"), &json!({ "tenant": tenant, "at": at, "document": "documents/1" }));
    described.expect(404, &restore("nobody", &now)).await;
    described.expect(409, &restore("acme", "2999-01-01T00:00:00Z")).await;
    described.expect(403, &restore("globex", &now).by(Some(KEEPER))).await;
    described.expect(202, &restore("acme", &now)).await;
    until(described, "/admin/v1/restores?tenant=acme", |list| list["restores"][0]["ended_at"].is_string()).await;
    described.expect(200, &get("/admin/v1/restores")).await;
    let cancel = |restore: &str| post(&format!("/admin/v1/restores/{restore}/cancel"));
    described.expect(409, &cancel("acme:1")).await;
    described.expect(404, &cancel("acme:one")).await;
    // No agent is at the job of a tenant that is paused, so it has ended by that.
    described.expect(200, &post("/admin/v1/tenants/acme/pause")).await;
    described.expect(202, &restore("acme", &now)).await;
    described.expect(202, &cancel("acme:2")).await;
    let list = told(&described.expect(200, &get("/admin/v1/restores?tenant=acme")).await);
    let last = &list["restores"][0];
    assert_eq!((&last["number"], &last["stopped"], last["ended_at"].is_string()), (&json!(2), &json!("cancelled by an operator"), true));
    described.expect(200, &post("/admin/v1/tenants/acme/resume")).await;
    let of = |path: &str, tenant: &str| get(&format!("/admin/v1/{path}?tenant={tenant}&document=documents/1&at={now}"));
    for path in ["restores", "restores/plan", "versions"] {
        described.expect(404, &of(path, "nobody")).await;
        described.expect(403, &of(path, "globex").by(Some(KEEPER))).await;
    }
    described.expect(200, &of("versions", "acme")).await;
    let plan = described.expect(200, &of("restores/plan", "acme")).await;
    assert!(plan.body.ends_with(b"\"doubtful\":0}}\n"), "{plan:?}");
    described.expect(400, &get("/admin/v1/restores/plan?tenant=acme")).await;
    described.expect(400, &get("/admin/v1/versions?tenant=acme")).await;
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
    let all = told(&described.expect(200, &get("/admin/v1/differences?limit=1")).await);
    assert_eq!((&all["differences"][0]["tenant"], &all["differences"][0]["kind"]), (&json!("acme"), &json!("object_missing")), "{all}");
    let next = all["next"].as_str().unwrap();
    let rest = told(&described.expect(200, &get(&format!("/admin/v1/differences?after={next}"))).await);
    assert_eq!((&rest["differences"], &rest["next"]), (&json!([]), &Value::Null));
    described.expect(404, &get("/admin/v1/differences?tenant=nobody")).await;
    described.expect(403, &get("/admin/v1/differences?tenant=globex").by(Some(KEEPER))).await;
    described.expect(400, &get("/admin/v1/differences?after=7")).await;
    post_and_see_a_problem(described).await;
    for beyond in ["x", "-1", "9223372036854775808"] {
        described.expect(400, &get(&format!("/admin/v1/tenants/acme/differences?after={beyond}"))).await;
    }
}

/// Somebody asked for something, so the fleet is looked at again at once.
async fn post_and_see_a_problem(described: &mut Described) {
    described.expect(202, &post("/admin/v1/tenants/acme/sweep")).await;
    let has = |fleet: &Value| fleet["tenants"][0]["problems"].as_array().unwrap().iter().any(|problem| problem["kind"] == "difference");
    until(described, "/admin/v1/fleet", has).await;
}

/// What the console sees first.
async fn watching(described: &mut Described) {
    let me = told(&described.expect(200, &get("/admin/v1/me")).await);
    assert_eq!((&me["name"], &me["tenants"], &me["auth"]), (&json!(EVERYTHING), &json!(["*"]), &json!("tokens")));
    let processes = told(&described.expect(200, &get("/admin/v1/processes")).await);
    assert_eq!(processes[0]["name"], me["process"], "{processes}");
    let me = told(&described.expect(200, &get("/admin/v1/me").by(Some(KEEPER))).await);
    assert_eq!((&me["tenants"], &me["rights"]), (&json!(["acme"]), &json!(["admin"])));

    let is_known = |fleet: &Value| {
        let acme = &fleet["tenants"][0];
        let stands = acme["phase"] == "dual" && acme["held_by"]["both"]["documents"] == 3 && acme["remaining_documents"] == 0;
        stands
            && fleet["tenants"][1]["phase"] == "sql"
            && fleet["stores"].as_array().unwrap().iter().all(|store| store["state"] != "unknown")
    };
    until(described, "/admin/v1/fleet", is_known).await;
    let fleet = told(&described.expect(200, &get("/admin/v1/fleet")).await);
    let stores: Vec<&Value> = fleet["stores"].as_array().unwrap().iter().map(|store| &store["kind"]).collect();
    assert_eq!(stores, ["sql", "object", "object"], "the database, the objects and the backup: {fleet}");
    let totals = &fleet["totals"];
    assert_eq!((&totals["held_by"]["both"]["documents"], &totals["quarantined"]), (&json!(3), &json!(0)), "{fleet}");
    let own = told(&described.expect(200, &get("/admin/v1/fleet").by(Some(KEEPER))).await);
    assert_eq!(own["tenants"].as_array().unwrap().len(), 1, "{own}");
    assert_eq!((&own["stores"][0]["tenants"], &own["stores"][0]["tenant_count"]), (&json!(["acme"]), &json!(1)));

    let history = told(&described.expect(200, &get("/admin/v1/tenants/acme/history")).await);
    assert_eq!((&history["keep_for_seconds"], &history["oldest_sql_backup_seconds"]), (&json!(7 * 24 * 3600), &json!(0)), "{history}");

    let series = told(&described.expect(200, &get("/admin/v1/tenants/acme/series?minutes=5")).await);
    assert_eq!((series["writes"].as_array().unwrap().len(), &series["process"]), (30, &processes[0]["name"]));
    described.expect(200, &get("/admin/v1/tenants/acme/series")).await;
    for beyond in ["0", "61", "x"] {
        described.expect(400, &get(&format!("/admin/v1/tenants/acme/series?minutes={beyond}"))).await;
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
    until(described, "/admin/v1/fleet", |fleet| fleet["all_paused"] == true && fleet["tenants"][1]["paused"] == true).await;
    described.expect(202, &post("/admin/v1/tenants/acme/sweep")).await;
    let spoil =
        "UPDATE sluss_job SET state = 'quarantined', failures = 9, owner = NULL, token = NULL, reason = 'no memory' WHERE tenant = 'acme'";
    assert!(lab.database().execute(spoil, []).unwrap() > 0);
    let jobs = told(&described.expect(200, &get("/admin/v1/jobs?tenant=acme&state=quarantined&limit=10")).await);
    let job = jobs["jobs"][0]["id"].as_str().unwrap().to_owned();
    pages_of_jobs(described).await;
    let reasons = told(&described.expect(200, &get("/admin/v1/jobs/reasons")).await);
    let sweeps = reasons.as_array().unwrap().iter().find(|reason| reason["kind"] == "sweep").unwrap();
    assert_eq!((&sweeps["tenant"], &sweeps["reason"], &sweeps["jobs"]), (&json!("acme"), &json!("no memory"), &json!(1)), "{reasons}");
    described.expect(200, &get("/admin/v1/jobs/reasons?tenant=globex")).await;
    described.expect(404, &get("/admin/v1/jobs/reasons?tenant=nobody")).await;
    let retry = |wanted: &Value| wish(post("/admin/v1/jobs/retry"), wanted);
    for (wanted, jobs) in [
        (json!({ "reason": "no memor" }), 0),
        (json!({ "kind": "copy", "reason": "no memory" }), 0),
        (json!({ "kind": "sweep", "reason": "no memory", "tenant": "acme" }), 1),
        (json!({ "kind": "sweep" }), 0),
    ] {
        assert_eq!(told(&described.expect(200, &retry(&wanted)).await)["jobs"], jobs, "{wanted}");
    }
    assert!(lab.database().execute(spoil, []).unwrap() > 0);
    described.expect(200, &post(&format!("/admin/v1/jobs/{job}/retry"))).await;
    described.expect(200, &wish(post("/admin/v1/jobs/retry"), &json!({ "tenant": "acme" }))).await;
    described.expect(404, &wish(post("/admin/v1/jobs/retry"), &json!({ "tenant": "nobody" }))).await;
    described.expect(200, &post("/admin/v1/resume")).await;
}

/// One job on each page.
async fn pages_of_jobs(described: &mut Described) {
    let ids = |page: &Value| page["jobs"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect::<Vec<_>>();
    let all = told(&described.expect(200, &get("/admin/v1/jobs?state=quarantined")).await);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = told(&described.expect(200, &get(&format!("/admin/v1/jobs?state=quarantined&limit=1{after}"))).await);
        seen.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ids(&all), "page by page, and at once");
    let sweeps = told(&described.expect(200, &get("/admin/v1/jobs?tenant=acme&kind=sweep")).await);
    assert_eq!(sweeps["jobs"].as_array().unwrap().len(), 1, "{sweeps}");
    for wrong in ["kind=nothing", "after=7", "after=acme:-1"] {
        described.expect(400, &get(&format!("/admin/v1/jobs?{wrong}"))).await;
    }
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
    let of_acme = told(&described.expect(200, &get("/admin/v1/audit?tenant=acme").by(Some(KEEPER))).await);
    let entries = of_acme["entries"].as_array().unwrap();
    assert!(entries.len() > 5 && entries.iter().all(|entry| entry["tenant"] == "acme"), "{of_acme}");
    described.expect(404, &get("/admin/v1/audit?tenant=No%20Name")).await;
    for beyond in ["tenant=globex", "limit=1", "tenant=acme&check=true"] {
        described.expect(403, &get(&format!("/admin/v1/audit?{beyond}")).by(Some(KEEPER))).await;
    }
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
