//! Contents that a document had, over HTTP: listed, read, and made current again, whichever store held them.

use serde_json::Value;
use sluss::model::phase::Phase;

use super::house::{ACME_TOKEN, GLOBEX_TOKEN, House, MIB, Plan, READER_TOKEN, content, document, wait_until};
use super::support::customers::{ACME, GLOBEX};
use super::wire::{Answer, Ask, Wire, ask};

const HISTORIC: [Phase; 3] = [Phase::Shadow, Phase::Dual, Phase::Object];

fn stamp(answer: &Answer) -> String {
    answer.header("etag").trim_matches('"').to_owned()
}

async fn versions(house: &House, path: &str) -> Vec<Value> {
    let answer = house.get(&format!("{path}/versions")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut list: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(list["next"].is_null(), "{list}");
    list["versions"].take().as_array().unwrap().clone()
}

fn stamps(versions: &[Value]) -> Vec<&str> {
    versions.iter().map(|version| version["stamp"].as_str().unwrap()).collect()
}

fn time(told: &Value) -> jiff::Timestamp {
    told.as_str().unwrap().parse().unwrap()
}

async fn write(house: &House, path: &str, content: &[u8], name: &str) -> String {
    let ask =
        Ask::put(path, content).with("Content-Type", "text/plain").with("Content-Disposition", format!("attachment; filename=\"{name}\""));
    let answer = house.ask(&ask).await;
    assert!([201, 204].contains(&answer.status), "{answer:?}");
    stamp(&house.get(path).await)
}

fn restore(path: &str, stamp: &str) -> Ask {
    Ask::new("POST", format!("{path}/versions/{stamp}/restore"))
}

/// Every version's bytes are in the object store.
async fn brought_out(house: &House, path: &str) {
    wait_until("all versions are in the object store", async || {
        versions(house, path).await.iter().all(|version| version["sha256"].is_string())
    })
    .await;
}

#[tokio::test]
async fn what_was_overwritten_can_be_read_and_made_current_again() {
    for phase in HISTORIC {
        let house = House::in_phase(phase).await;
        let path = document(&ACME, "1");
        let contents = [content(1, 3 * MIB + 17), content(2, 1000), content(3, 2 * MIB)];
        let first = write(&house, &path, &contents[0], "first.txt").await;
        let second = write(&house, &path, &contents[1], "second.txt").await;
        house.settle(&ACME).await;
        let third = write(&house, &path, &contents[2], "third.txt").await;
        let list = versions(&house, &path).await;
        assert_eq!(stamps(&list), [&second, &first], "{phase}");
        assert_eq!(
            (&list[1]["size"], &list[1]["file_name"], &list[1]["media_type"]),
            (&(3 * MIB + 17).into(), &"first.txt".into(), &"text/plain".into())
        );
        assert!(list.iter().all(|version| time(&version["held_from"]) <= time(&version["held_to"])), "{list:?}");
        for brought in [false, true] {
            if brought {
                brought_out(&house, &path).await;
            }
            let version = house.get(&format!("{path}/versions/{first}")).await;
            assert_eq!(
                (version.status, version.header("etag"), version.header("content-type")),
                (200, &*format!("\"{first}\""), "text/plain")
            );
            assert!(version.body == contents[0] && version.header("content-disposition").contains("first.txt"), "{version:?}");
            let part = house.ask(&Ask::get(format!("{path}/versions/{first}")).with("Range", "bytes=1048570-1048580")).await;
            assert_eq!((part.status, part.header("content-range")), (206, &*format!("bytes 1048570-1048580/{}", 3 * MIB + 17)), "{phase}");
            assert!(part.body == contents[0][1_048_570..1_048_581], "{phase} {brought}");
        }
        let head = house.ask(&Ask::new("HEAD", format!("{path}/versions/{second}"))).await;
        assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "1000", 0));
        let known = house.ask(&Ask::get(format!("{path}/versions/{second}")).with("If-None-Match", format!("\"{second}\""))).await;
        assert_eq!(known.status, 304);
        // The current content's own name leads to the document.
        assert!(house.get(&format!("{path}/versions/{third}")).await.body == contents[2]);

        let stale = house.ask(&restore(&path, &first).with("If-Match", format!("\"{second}\""))).await;
        stale.problem(412, "precondition-failed");
        let restored = house.ask(&restore(&path, &first).with("If-Match", format!("\"{third}\""))).await;
        assert_eq!(restored.status, 200, "{phase}: {restored:?}");
        let now = house.get(&path).await;
        assert_eq!((stamp(&restored), now.header("etag")), (stamp(&now), restored.header("etag")));
        assert!(now.body == contents[0] && now.header("content-disposition").contains("first.txt"), "{now:?}");
        assert!(![&first, &second, &third].contains(&&stamp(&now)), "a restore is a new write");
        assert_eq!(stamps(&versions(&house, &path).await), [&third, &second, &first]);
        // Whole pieces, too, come to their end.
        brought_out(&house, &path).await;
        assert!(house.get(&format!("{path}/versions/{third}")).await.body == contents[2]);
        house.close().await;
    }
}

#[tokio::test]
async fn a_deleted_document_has_its_history_and_comes_back() {
    for phase in HISTORIC {
        let house = House::in_phase(phase).await;
        for (path, text) in [(document(&ACME, "7"), "acme's"), (document(&GLOBEX, "Å-7"), "globex's")] {
            let path = path.replace('Å', "%C3%85");
            let only = write(&house, &path, text.as_bytes(), "a.txt").await;
            assert_eq!(house.ask(&Ask::new("DELETE", &path)).await.status, 204);
            assert_eq!(house.get(&path).await.status, 404);
            assert_eq!(stamps(&versions(&house, &path).await), [&only]);
            let restored = house.ask(&restore(&path, &only)).await;
            assert_eq!((restored.status, house.get(&path).await.text()), (200, text.to_owned()), "{phase}: {restored:?}");
        }
        house.close().await;
    }
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let house = House::in_phase(Phase::Object).await;
    let path = document(&ACME, "1");
    let mut written = Vec::new();
    for number in 0..5 {
        written.push(write(&house, &path, format!("number {number}").as_bytes(), "a").await);
    }
    written.pop();
    let (mut met, mut next) = (Vec::new(), String::new());
    loop {
        let page: Value = serde_json::from_slice(&house.get(&format!("{path}/versions?limit=2{next}")).await.body).unwrap();
        assert!(page["versions"].as_array().unwrap().len() <= 2);
        met.extend(page["versions"].as_array().unwrap().iter().map(|version| version["stamp"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(before) => next = format!("&before={before}"),
            None => break,
        }
    }
    met.reverse();
    assert_eq!(met, written);
    house.close().await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let house = House::open(Plan { phase: Phase::Dual, tokens: true, ..Plan::default() }).await;
    let path = document(&ACME, "1");
    let first = write(&house, &path, b"first", "a").await;
    write(&house, &path, b"second", "a").await;
    let as_of = |ask: Ask, token: &str| ask.with("Authorization", format!("Bearer {token}"));
    let (list, one) = (format!("{path}/versions"), format!("{path}/versions/{first}"));
    for token in [ACME_TOKEN, READER_TOKEN] {
        assert_eq!(house.ask(&as_of(Ask::get(&one), token)).await.text(), "first");
    }
    for ask in [Ask::get(&list), Ask::get(&one), restore(&path, &first)] {
        house.ask(&as_of(ask, GLOBEX_TOKEN)).await.problem(403, "forbidden");
    }
    house.ask(&as_of(restore(&path, &first), READER_TOKEN)).await.problem(403, "forbidden");
    for bad in ["?limit=0", "?limit=1001", "?before=x", "?after=1", "?limit=1&limit=2"] {
        house.get(&format!("{list}{bad}")).await.problem(400, "bad-request");
    }
    house.get(&format!("{list}/nonsense")).await.problem(400, "bad-request");
    house.get(&format!("{list}/r-1-ffff")).await.problem(404, "not-found");
    house.ask(&restore(&path, "r-1-ffff")).await.problem(404, "not-found");
    // Another document's version is none of this one's.
    let other = document(&ACME, "2");
    write(&house, &other, b"other", "a").await;
    house.get(&format!("{other}/versions/{first}")).await.problem(404, "not-found");
    house.ask(&restore(&other, &first)).await.problem(404, "not-found");
    assert_eq!(house.get(&other).await.text(), "other");
    house.close().await;
}

#[tokio::test]
async fn in_phase_sql_there_is_no_history() {
    let house = House::in_phase(Phase::Sql).await;
    let path = document(&ACME, "1");
    write(&house, &path, b"first", "a").await;
    write(&house, &path, b"second", "a").await;
    assert!(versions(&house, &path).await.is_empty());
    house.close().await;
}

/// The files of a tenant's objects that begin with this content.
fn files_with(house: &House, content: &[u8]) -> usize {
    house.object_files(&ACME).iter().filter(|file| std::fs::read(file).is_ok_and(|bytes| bytes.starts_with(content))).count()
}

#[tokio::test]
async fn after_eight_days_a_content_is_gone_from_the_disk_and_after_six_it_is_there_however_the_clock_jumps() {
    const DAY: i64 = 24 * 60;
    for (keys, goes) in [("oldest_sql_backup = \"0s\"\n", true), ("", false)] {
        let house = House::open(Plan { phase: Phase::Object, keys, agents: "abandoned_after = \"1s\"\n", ..Plan::default() }).await;
        let (path, database) = (document(&ACME, "1"), house.database(&ACME));
        let (eight, six) = (content(8, 5000), content(6, 5000));
        let [old, young] = [write(&house, &path, &eight, "a").await, write(&house, &path, &six, "a").await];
        write(&house, &path, b"current", "a").await;
        for (stamp, days) in [(&old, 8), (&young, 6)] {
            // As if it had been overwritten so many days ago, all of which somebody was here.
            let aged = database.execute("UPDATE sluss_version SET tick = tick - ?2 WHERE stamp = ?1", rusqlite::params![stamp, days * DAY]);
            assert_eq!(aged.unwrap(), 1);
        }
        // As if the clock had been put forward by so many days: everything noted by it is older by these.
        let jump = |days: i64| {
            let earlier = days * DAY * 60_000;
            for noted in ["sluss_tick SET at = at", "sluss_version SET held_from = held_from", "sluss_version SET held_to = held_to"] {
                database.execute(&format!("UPDATE {noted} - ?1"), [earlier]).unwrap();
            }
        };
        let collected = async || {
            let open = "SELECT count(*) FROM sluss_job WHERE kind = 'collect'";
            wait_until("the collector has been here", async || database.query_row(open, [], |row| row.get::<_, u64>(0)) == Ok(0)).await;
        };
        assert_eq!((files_with(&house, &eight), files_with(&house, &six)), (1, 1));
        jump(30);
        house.sweep(&ACME).await;
        if goes {
            wait_until("the old content is gone", async || files_with(&house, &eight) == 0).await;
            assert_eq!(stamps(&versions(&house, &path).await), [&young]);
            house.get(&format!("{path}/versions/{old}")).await.problem(404, "not-found");
            assert_eq!(house.metric("sluss_expired_bytes_total").await, 5000.0);
        } else {
            collected().await;
            assert_eq!((files_with(&house, &eight), versions(&house, &path).await.len()), (1, 2), "nobody said how old a backup gets");
        }
        collected().await;
        jump(-60);
        house.sweep(&ACME).await;
        collected().await;
        assert!(house.get(&format!("{path}/versions/{young}")).await.body == six && files_with(&house, &six) == 1);
        house.close().await;
    }
}

async fn resume(house: &House) {
    let answer = ask(house.admin, &Ask::new("POST", "/admin/v1/tenants/acme/resume")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_version_is_read_to_its_end_when_it_leaves_staging_meanwhile() {
    let house = House::in_phase(Phase::Dual).await;
    house.pause(&ACME).await;
    let (path, large) = (document(&ACME, "1"), content(1, 24 * MIB + 17));
    let first = write(&house, &path, &large, "a").await;
    write(&house, &path, b"second", "a").await;
    let mut wire = Wire::open(house.documents).await;
    wire.send(Ask::get(format!("{path}/versions/{first}")).head()).await.unwrap();
    assert_eq!(wire.answer_head().await.unwrap().header("served-from"), "sql");
    resume(&house).await;
    brought_out(&house, &path).await;
    let mut found = Vec::new();
    while found.len() < large.len() {
        let portion = wire.take(usize::MAX).await;
        assert!(!portion.is_empty(), "the answer broke off after {} bytes", found.len());
        found.extend(portion);
    }
    assert!(found == large);
    drop(wire);
    house.close().await;
}

#[tokio::test]
async fn bytes_that_staging_lacks_are_no_clients_fault_and_end_in_quarantine() {
    let agents = "retry_base = \"1ms\"\nretry_cap = \"2ms\"\nretry_budget = 3\n";
    let house = House::open(Plan { phase: Phase::Dual, agents, ..Plan::default() }).await;
    house.pause(&ACME).await;
    let (path, database) = (document(&ACME, "1"), house.database(&ACME));
    let first = write(&house, &path, &content(1, 3 * MIB), "a").await;
    write(&house, &path, b"second", "a").await;
    assert_eq!(database.execute("DELETE FROM sluss_staging_piece WHERE number = 2", []).unwrap(), 1);
    house.ask(&restore(&path, &first)).await.problem(503, "store-unavailable");
    assert_eq!(house.get(&path).await.text(), "second");
    let version = format!("{path}/versions/{first}");
    assert!(!house.get(&version).await.whole);
    house.ask(&Ask::get(&version).with("Range", "bytes=-5")).await.problem(503, "store-unavailable");
    resume(&house).await;
    let job = "SELECT state, failures, reason FROM sluss_job WHERE kind = 'keep'";
    let job =
        async || database.query_row(job, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?, row.get::<_, Option<String>>(2)?)));
    wait_until("the job is quarantined", async || job().await.is_ok_and(|(state, ..)| state == "quarantined")).await;
    let (_, failures, reason) = job().await.unwrap();
    assert!(failures == 3 && reason.as_ref().unwrap().contains("its bytes are not there"), "{failures} {reason:?}");
    assert_eq!(versions(&house, &path).await.len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_version_whose_object_is_lost_or_damaged_is_no_version_whose_time_is_over() {
    let house = House::in_phase(Phase::Object).await;
    let (path, contents) = (document(&ACME, "1"), [content(1, 3 * MIB + 17), content(2, 5000)]);
    let damaged = write(&house, &path, &contents[0], "a").await;
    let lost = write(&house, &path, &contents[1], "a").await;
    write(&house, &path, b"current", "a").await;
    for file in house.object_files(&ACME) {
        let mut bytes = std::fs::read(&file).unwrap();
        if bytes.starts_with(&contents[1]) {
            std::fs::remove_file(&file).unwrap();
        } else if bytes.starts_with(&contents[0]) {
            bytes[(2 * MIB + 5) as usize] ^= 1;
            std::fs::write(&file, bytes).unwrap();
        }
    }
    house.get(&format!("{path}/versions/{lost}")).await.problem(503, "store-unavailable");
    for stamp in [&lost, &damaged] {
        house.ask(&restore(&path, stamp)).await.problem(503, "store-unavailable");
    }
    assert_eq!(house.get(&path).await.text(), "current");
    house.close().await;
}

#[tokio::test]
async fn what_a_version_lacked_is_taken_away_when_it_is_restored() {
    for phase in [Phase::Dual, Phase::Object] {
        let house = House::in_phase(phase).await;
        let path = document(&ACME, "1");
        assert_eq!(house.ask(&Ask::put(&path, b"bare")).await.status, 201);
        let bare = house.get(&path).await;
        write(&house, &path, b"named", "named.txt").await;
        assert_eq!(house.ask(&restore(&path, &stamp(&bare))).await.status, 200);
        let restored = house.get(&path).await;
        assert_eq!(restored.body, b"bare");
        for header in ["content-type", "content-disposition"] {
            assert_eq!(restored.header(header), bare.header(header), "{phase}");
        }
        house.close().await;
    }
}
