//! Disks that are full: a real process that may not write files beyond a size. What does not fit is refused and changes nothing;
//! what is there is served, and what still fits is taken.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;
use sluss::model::phase::Phase;

use super::house::{KIB, MIB, content, document, wait_until};
use super::support::customers::ACME;
use super::support::lab::{Lab, Seat};
use super::support::process::Process;
use super::wire::{Ask, ask};

/// A `sluss serve` whose files end at `limit_bytes`; it goes when it is dropped.
struct Cramped(Child);

impl Cramped {
    fn start(seat: &Seat, limit_bytes: u64) -> Self {
        // Ignored, so that a write beyond the limit fails instead of killing: as it is on a disk that is full.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", limit_bytes / 512);
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_sluss")).arg("--config").arg(&seat.config).arg("serve");
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Cramped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn prepared(phase: Phase) -> (Lab, Seat, SocketAddr) {
    let lab = Lab::new("[limits]\n[agents]\nin_serve = false\n");
    let seat = lab.seat("one");
    for tenant in ["acme", "globex"] {
        let file = seat.config.parent().unwrap().join("tenants").join(format!("{tenant}.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("phase = \"{phase}\"\n{text}")).unwrap();
    }
    assert!(Process::command(&seat, &["init"]).stdout(Stdio::null()).status().unwrap().success());
    let address = ([127, 0, 0, 1], seat.documents).into();
    (lab, seat, address)
}

async fn served(address: SocketAddr) {
    wait_until("it serves", async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
}

async fn assert_is(address: SocketAddr, path: &str, expected: &[u8]) {
    let answer = ask(address, &Ask::get(path)).await;
    assert!(answer.status == 200 && answer.whole && answer.body == expected, "{answer:?}");
}

fn count(database: &Connection, table: &str) -> u64 {
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn an_object_for_which_there_is_no_room_is_refused_and_a_smaller_one_is_taken() {
    let (lab, seat, address) = prepared(Phase::Object);
    let _process = Cramped::start(&seat, 4 * MIB);
    served(address).await;
    let (path, before) = (document(&ACME, "1"), content(1, MIB));
    assert_eq!(ask(address, &Ask::put(&path, before.clone())).await.status, 201);
    for id in ["1", "2"] {
        let refused = ask(address, &Ask::put(document(&ACME, id), content(2, 6 * MIB))).await;
        let detail = refused.problem(503, "no-room");
        assert_eq!(detail, "there is no room left to store the document, and nothing was changed; an operator has to make some");
    }
    assert_is(address, &path, &before).await;
    ask(address, &Ask::get(document(&ACME, "2"))).await.problem(404, "not-found");
    let small = content(3, 300 * KIB);
    assert_eq!(ask(address, &Ask::put(document(&ACME, "2"), small.clone())).await.status, 201);
    assert_is(address, &document(&ACME, "2"), &small).await;
    // What was written before the room ran out is gone or condemned.
    assert_eq!(std::fs::read_dir(lab.objects().join("acme/.staging")).unwrap().count(), 0);
    let open: u64 = lab.database().query_row("SELECT count(*) FROM sluss_upload WHERE state = 'open'", [], |row| row.get(0)).unwrap();
    assert_eq!(open, 0);
}

#[tokio::test]
async fn content_for_which_the_database_has_no_room_is_refused_and_what_is_there_is_served() {
    let (lab, seat, address) = prepared(Phase::Sql);
    let (path, before) = (document(&ACME, "1"), content(1, MIB));
    {
        let _process = Cramped::start(&seat, 8 * MIB);
        served(address).await;
        assert_eq!(ask(address, &Ask::put(&path, before.clone())).await.status, 201);
        let refused = ask(address, &Ask::put(&path, content(2, 30 * MIB))).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        let label = if refused.text().contains("outcome-unknown") { "outcome-unknown" } else { "store-unavailable" };
        refused.problem(503, label);
        assert_is(address, &path, &before).await;
    }
    let mut process = Process::start(&seat, &["serve"]);
    process.wait_for(seat.documents);
    assert_is(address, &path, &before).await;
    let after = content(3, 30 * MIB);
    assert_eq!(ask(address, &Ask::put(&path, after.clone())).await.status, 204);
    assert_is(address, &path, &after).await;
    let intact: String = lab.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!((intact.as_str(), count(&lab.database(), "documents")), ("ok", 1));
}
