//! A read-only tenant over HTTP: reads as ever, changes refused with a time to come again, in every phase and whatever the request
//! has sent already.

use sluss::model::phase::Phase;

use super::house::{ACME_OPERATOR, House, KIB, MIB, OPERATOR, Plan, content, document, wait_until};
use super::support::customers::{ACME, Customer, GLOBEX};
use super::wire::{Answer, Ask, Wire, ask};

const PHASES: [Phase; 5] = [Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object, Phase::Sealed];

async fn house_in(phase: Phase) -> House {
    if phase != Phase::Sealed {
        return House::in_phase(phase).await;
    }
    let house = House::in_phase(Phase::Object).await;
    // A tenant does not begin there, and its guards are not what is tested here.
    for customer in [&ACME, &GLOBEX] {
        house.database(customer).execute("UPDATE sluss_state SET phase = 'sealed'", []).unwrap();
    }
    house
}

async fn read_only(house: &House, customer: &Customer, on: bool) {
    let wish = Ask::put(format!("/admin/v1/tenants/{}/read_only", customer.tenant), format!("{{\"on\":{on}}}"));
    let answer = ask(house.admin, &Ask { method: "POST", ..wish }).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[track_caller]
fn refused(answer: &Answer) {
    let detail = answer.problem(503, "read-only");
    assert!(detail.contains("read-only for now") && detail.contains("nothing was changed"), "{detail}");
    assert_eq!(answer.header("retry-after"), "60");
}

#[tokio::test]
async fn changes_are_refused_and_reads_go_on_in_every_phase() {
    for phase in PHASES {
        let house = house_in(phase).await;
        let (one, fresh) = (document(&ACME, "1"), document(&ACME, "2"));
        let witness = house.plant(&one, content(1, 300 * KIB)).await;
        read_only(&house, &ACME, true).await;
        let large = content(2, 3 * MIB);
        for change in [
            Ask::put(&one, "other"),
            Ask::put(&one, large.clone()),
            Ask::put(&one, ""),
            Ask::put(&fresh, "new"),
            Ask::put(&one, "other").with("If-Match", "\"another\""),
            Ask::new("DELETE", &one),
            Ask::new("DELETE", &fresh),
        ] {
            refused(&house.ask(&change).await);
        }
        house.assert_unchanged(&witness).await;
        assert_eq!(house.get(&fresh).await.status, 404, "{phase}");
        house.plant(&document(&GLOBEX, "a"), b"of another tenant".to_vec()).await;

        read_only(&house, &ACME, false).await;
        house.plant(&one, large).await;
        assert_eq!(house.ask(&Ask::new("DELETE", &one)).await.status, 204, "{phase}");
        house.close().await;
    }
}

#[tokio::test]
async fn a_write_whose_body_is_still_coming_when_it_begins_changes_nothing() {
    for phase in PHASES {
        let house = house_in(phase).await;
        let path = document(&ACME, "1");
        let witness = house.plant(&path, content(1, 10 * KIB)).await;
        let body = content(2, 3 * MIB);
        let mut wire = Wire::open(house.documents).await;
        wire.send(Ask::put(&path, body.clone()).head()).await.unwrap();
        wire.send(&body[..2 << 20]).await.unwrap();
        // Its content is on its way to a store: the last look was long ago.
        wait_until("the transfer has begun", async || house.metric("sluss_transfers_in_flight{direction=\"upload\"}").await == 1.0).await;
        read_only(&house, &ACME, true).await;
        // What the gateway does not want to hear any more it need not take.
        let _ = wire.send(&body[2 << 20..]).await;
        refused(&wire.answer_to("PUT").await.unwrap());
        house.assert_unchanged(&witness).await;
        house.close().await;
    }
}

#[tokio::test]
async fn agents_go_on_and_bring_content_where_the_phase_wants_it() {
    let house = House::in_phase(Phase::Object).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 300 * KIB)).await;
    read_only(&house, &ACME, true).await;
    house.flip(&ACME, Phase::Sql).await;
    house.settle(&ACME).await;
    assert_eq!(ACME.content(&house.database(&ACME), "1").as_ref(), Some(&witness.content));
    house.assert_unchanged(&witness).await;
    house.flip(&ACME, Phase::Shadow).await;
    house.settle(&ACME).await;
    let shown: serde_json::Value = serde_json::from_slice(&ask(house.admin, &Ask::get("/admin/v1/tenants/acme")).await.body).unwrap();
    assert_eq!((&shown["read_only"], &shown["held_by"]["both"]["documents"]), (&true.into(), &1.into()), "{shown}");
    let audit = ask(house.admin, &Ask::get("/admin/v1/audit")).await.text();
    assert!(audit.contains("\"action\":\"read_only\"") && audit.contains("before: off; after: on"), "{audit}");
    house.close().await;
}

#[tokio::test]
async fn an_operator_of_one_tenant_steers_that_one_only() {
    let house = House::open(Plan { tokens: true, ..Plan::default() }).await;
    let asked = async |token: &str, method: &'static str, path: &str, body: &str| {
        let ask_admin = Ask { method, ..Ask::put(format!("/admin/v1/{path}"), body) };
        ask(house.admin, &ask_admin.with("Authorization", format!("Bearer {token}"))).await
    };
    let figures = "{\"concurrency\":2}";
    assert_eq!(asked(OPERATOR, "PUT", "tenants/globex/limits", figures).await.status, 200);
    for (method, path) in [
        ("POST", "pause"),
        ("POST", "resume"),
        ("PUT", "limits"),
        ("POST", "tenants/globex/pause"),
        ("PUT", "tenants/globex/limits"),
        ("POST", "tenants/globex/read_only"),
    ] {
        asked(ACME_OPERATOR, method, path, figures).await.problem(403, "forbidden");
    }
    for (method, path, body) in
        [("POST", "tenants/acme/pause", ""), ("PUT", "tenants/acme/limits", figures), ("POST", "tenants/acme/read_only", "{\"on\":true}")]
    {
        assert_eq!(asked(ACME_OPERATOR, method, path, body).await.status, 200, "{path}");
    }
    let seen = asked(ACME_OPERATOR, "GET", "limits", "").await.text();
    assert!(seen.contains("acme") && !seen.contains("globex"), "{seen}");
    let empty = asked(ACME_OPERATOR, "PUT", "tenants/acme/limits", "{}").await.problem(400, "bad-request");
    assert!(empty.contains("name some of documents_per_second"), "{empty}");
    assert!(asked(ACME_OPERATOR, "PUT", "tenants/acme/limits", "{\"concurrency\":0}").await.text().contains("pause it instead"));
    house.close().await;
}
