//! A database that is put back to an earlier moment under a running process: noticed, nothing written or removed, until it is reconciled.

use std::path::Path;
use std::process::Command;

use http::StatusCode;

use crate::places::{Places, assert_whole, back_up};
use crate::site::{Answer, Site, key};
use crate::support::process::Process;
use crate::support::wait::wait_until;

fn sqlite(site: &Site, command: &str) {
    let file = site.database().path().unwrap().to_owned();
    let done = Command::new("sqlite3").arg(file).arg(command).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn tick_seen(site: &Site) -> u64 {
    site.control().query_row("SELECT coalesce(max(tick), 0) FROM sluss_tick_seen", [], |row| row.get(0)).unwrap()
}

/// A minute goes by: the tick may rise, and whoever collects looks at once.
fn a_minute_later(site: &Site) {
    let before = tick_seen(site);
    site.database().execute("UPDATE sluss_tick SET at = 0", []).unwrap();
    site.run(&["sweep", "--tenant", "acme"]).done();
    wait_until("the tick rose and was seen", || tick_seen(site) > before);
}

fn objects(root: &Path) -> usize {
    let folders = std::fs::read_dir(root.join("acme")).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|path| path.is_dir() && !path.ends_with(".staging")).map(|folder| std::fs::read_dir(folder).unwrap().count()).sum()
}

fn is_put_back(answer: &Answer) -> bool {
    answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.body.contains("\"urn:sluss:problem:database-put-back\"")
}

#[test]
fn a_database_that_was_put_back_is_left_alone_until_it_is_reconciled() {
    let places = Places::new();
    let (primary, backup) = (places.at("primary"), places.at("backup.db"));
    let site = Site::new(&places.section());
    let _process = site.serve();
    assert_eq!(site.put(1, "one").status, StatusCode::CREATED);
    wait_until("the first tick was seen", || tick_seen(&site) > 0);
    // A job that is under way in the backup is so after it was put back, until its lease is over.
    let jobs = || site.database().query_row("SELECT count(*) FROM sluss_job", [], |row| row.get::<_, u64>(0)).unwrap();
    wait_until("nothing is under way", || jobs() == 0);
    sqlite(&site, &format!(".backup {}", backup.display()));
    back_up(&site);
    assert_eq!(site.put(1, "lost").status, StatusCode::NO_CONTENT);
    assert_eq!(site.put(2, "lost, too").status, StatusCode::CREATED);
    a_minute_later(&site);
    // Another's upload, which nobody will ever publish: the collector would remove it.
    site.abandon("local", "0197aa1e-2f9b-7c51-8b69-5c8f1a2f33d0");

    sqlite(&site, &format!(".restore {}", backup.display()));
    let _agents = Process::start(&site.seat, &["agent"]);
    site.abandon("local", "0197aa1e-2f9b-7c51-8b69-5c8f1a2f33d1");
    site.run(&["sweep", "--tenant", "acme"]).done();
    wait_until("a write is refused", || is_put_back(&site.delete(99)));
    for refused in [site.put(1, "refused"), site.delete(1)] {
        assert!(is_put_back(&refused) && refused.headers["retry-after"] == "60", "{}", refused.body);
    }
    assert_eq!((&*site.get(1).body, site.get(2).status), ("one", StatusCode::NOT_FOUND));
    assert_eq!((objects(&primary), site.open_uploads()), (3, 1), "nothing was removed");
    wait_until("both processes say so", || site.logs().matches("\"restored\"").count() == 2);
    // Gone in the time that was lost, and in the backup, of which the database does not know any more.
    std::fs::remove_file(primary.join(key(&site.object(1)))).unwrap();

    let reconciled = site.run(&["reconcile", "--tenant", "acme"]).done();
    let told = ["was put back", "of 1 documents and of 0 versions", "0 are missing", "1 were missing, and came back"];
    assert!(told.iter().all(|told| reconciled.contains(told)), "{reconciled}");
    assert!(std::fs::read(primary.join(key(&site.object(1)))).unwrap().starts_with(b"one"));
    wait_until("it goes on", || site.put(1, "two").status == StatusCode::NO_CONTENT);
    assert!(site.told("/admin/v1/audit?tenant=acme").to_string().contains("database.reconcile"));
    assert!(site.run(&["reconcile", "--tenant", "acme"]).done().contains("goes on as it was"));

    back_up(&site);
    assert_whole(&site);

    let object = site.object(1);
    for place in ["primary", "offsite"] {
        std::fs::remove_file(places.at(place).join(key(&object))).unwrap();
    }
    let missing = site.run(&["reconcile", "--tenant", "acme", "--check"]).with_code(1);
    assert!(missing.contains("1 are missing") && missing.contains(&object) && missing.contains("acme/documents/1"), "{missing}");
}
