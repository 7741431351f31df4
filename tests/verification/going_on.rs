//! A verification goes on where it was interrupted, comes by the clock, and accuses nobody who is only busy.

use sluss::demo::pattern::Pattern;

use crate::damage::Damage;
use crate::scene::Scene;
use crate::support::customers::ACME;
use crate::support::wait::wait_until;

/// `kill -9` in mid-pass: another life of the process goes on, and every document counts once.
#[test]
fn a_verification_goes_on_where_its_agent_was_killed() {
    let mut scene = Scene::with("lease = \"1s\"\nbytes_per_second = \"2MiB\"\n");
    for id in 10..90 {
        ACME.insert(&scene.database(), &id.to_string(), "text/plain", "a.txt", Some(Pattern { seed: id, length: 50_000 }));
    }
    scene.go_to("shadow");
    scene.run(&["verify", "--tenant", "acme", "--no-wait"]).with_code(0);
    let figures = |scene: &Scene| scene.ask("/admin/v1/tenants/acme/verification")["progress"].clone();
    wait_until("it is on its way", || figures(&scene)["documents"].as_u64() > Some(10));
    let number = figures(&scene)["number"].clone();
    let port = scene.seat.documents;
    scene.process.kill_and_restart();
    scene.process.wait_for(port);
    wait_until("it has come to the end", || figures(&scene).is_null());
    let runs = scene.ask("/admin/v1/tenants/acme/verification")["runs"].clone();
    assert_eq!((&runs[0]["number"], &runs[0]["documents"], &runs[0]["verified"]), (&number, &83.into(), &83.into()), "{runs}");
}

#[test]
fn a_verification_whose_job_is_quarantined_says_why() {
    let scene = Scene::with("in_serve = false\n");
    scene.run(&["verify", "--tenant", "acme", "--no-wait"]).with_code(0);
    scene.database().execute_batch("UPDATE sluss_job SET state = 'quarantined', reason = 'no way' WHERE kind = 'verify'").unwrap();
    let stuck = scene.ask("/admin/v1/tenants/acme/verification")["stuck"].as_str().unwrap().to_owned();
    assert!(stuck.contains("`sluss jobs retry`") && stuck.ends_with(": no way"), "{stuck}");
}

#[test]
fn who_asked_for_a_repair_is_in_the_audit() {
    let scene = Scene::with("");
    scene.verify(true);
    let audit = scene.ask("/admin/v1/audit");
    let entry = audit["entries"].as_array().unwrap().iter().find(|entry| entry["action"] == "verify").unwrap();
    assert_eq!((&entry["tenant"], &entry["detail"]), (&"acme".into(), &"with repair".into()), "{audit}");
}

#[test]
fn by_the_clock_every_document_is_verified_again_and_again() {
    let scene = Scene::with("verify_every = \"1s\"\n");
    scene.go_to("shadow");
    let last = |scene: &Scene| scene.ask("/admin/v1/tenants/acme/verification")["runs"][0].clone();
    wait_until("it was verified by the clock", || last(&scene)["ended_at"].is_string());
    assert_eq!(last(&scene)["background"], true);
    Damage::ObjectByte.do_to(&scene, 1);
    let listed = || scene.ask("/admin/v1/tenants/acme/differences")["differences"].as_array().unwrap().len();
    wait_until("the rot was found", || listed() == 1);
}

#[test]
fn documents_that_are_written_while_they_are_compared_are_no_differences() {
    let scene = Scene::held_by_both();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for round in 0.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                scene.put(1 + round % 3, Pattern { seed: round, length: 200_000 + round }.bytes(0, 200_000 + round).to_vec());
            }
        });
        for _ in 0..5 {
            let found = scene.verify(false);
            if !found.is_empty() {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            assert!(found.is_empty(), "{found:?}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
