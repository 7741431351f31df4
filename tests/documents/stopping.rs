//! SIGTERM: what was begun ends, nothing new begins, and what agents held is given back.

use std::process::Stdio;
use std::time::Duration;

use super::house::{MIB, content, document, wait_until};
use super::outage::Hung;
use super::support::customers::{ACME, GLOBEX};
use super::support::lab::{Lab, Seat};
use super::support::process::Process;
use super::wire::{Ask, Wire, ask};

/// A process in phase `shadow` whose agents are slow, and a document each of them is busy with.
fn busy(limits: &str) -> (Lab, Seat, Process) {
    let lab = Lab::new(&format!("[limits]\n{limits}\n[agents]\nbytes_per_second = \"64KiB\"\npoll_max = \"200ms\"\n"));
    let seat = lab.seat("one");
    for customer in [&ACME, &GLOBEX] {
        let file = seat.config.parent().unwrap().join("tenants").join(format!("{}.toml", customer.tenant));
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("phase = \"shadow\"\n{text}")).unwrap();
    }
    assert!(Process::command(&seat, &["init"]).stdout(Stdio::null()).status().unwrap().success());
    let mut process = Process::start(&seat, &["serve"]);
    process.wait_for(seat.documents);
    (lab, seat, process)
}

fn state_of_the_copy(lab: &Lab) -> String {
    lab.database().query_row("SELECT state FROM sluss_job WHERE kind = 'copy'", [], |row| row.get(0)).unwrap_or_default()
}

#[tokio::test]
async fn a_stop_lets_requests_end_refuses_new_ones_and_gives_jobs_back() {
    let (lab, seat, mut process) = busy("");
    let address = ([127, 0, 0, 1], seat.documents).into();
    let (path, whole) = (document(&ACME, "1"), content(1, 24 * MIB));
    assert_eq!(ask(address, &Ask::put(&path, whole.clone())).await.status, 201);
    wait_until("an agent copies", async || state_of_the_copy(&lab) == "leased").await;
    let mut reader = Wire::open(address).await;
    let mut idle = Wire::open(address).await;
    assert_eq!(idle.ask(&Ask::new("HEAD", &path)).await.status, 200);
    reader.send(Ask::get(&path).head()).await.unwrap();
    assert_eq!(reader.answer_head().await.unwrap().status, 200);

    process.terminate();
    wait_until("no new connection is taken", async || tokio::net::TcpStream::connect(address).await.is_err()).await;
    assert!(idle.is_closed().await, "a connection without a request ends at once");
    let mut found = Vec::new();
    while found.len() < whole.len() {
        let portion = reader.take(2 << 20).await;
        assert!(!portion.is_empty(), "the answer broke off after {} bytes", found.len());
        found.extend(portion);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(found == whole);
    assert!(reader.is_closed().await);
    assert_eq!(process.wait().code(), Some(0));
    assert_eq!(state_of_the_copy(&lab), "ready");
}

#[tokio::test]
async fn a_stop_ends_even_where_a_store_hangs() {
    let (lab, seat, mut process) = busy("drain_timeout = \"500ms\"\nstore_timeout = \"60s\"");
    let address = ([127, 0, 0, 1], seat.documents).into();
    let path = document(&ACME, "1");
    // Written to the object store's own folder in `shadow`: nobody opens it before the flip.
    assert_eq!(ask(address, &Ask::put(&path, content(1, 20_000))).await.status, 201);
    let copied = || lab.database().query_row("SELECT object FROM sluss_location_documents", [], |row| row.get::<_, String>(0));
    wait_until("the document is copied", async || copied().is_ok()).await;
    let flipped = Process::command(&seat, &["tenant", "phase", "acme", "dual", "--admin-url", &format!("http://127.0.0.1:{}", seat.admin)])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(flipped.success());
    let hung = Hung::make(lab.object_file(&ACME, &copied().unwrap()));
    let mut reader = Wire::open(address).await;
    reader.send(Ask::get(&path).head()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    process.terminate();
    let stopped = tokio::time::timeout(Duration::from_secs(20), tokio::task::spawn_blocking(move || process.wait())).await;
    drop(hung);
    assert_eq!(stopped.expect("it never ends").unwrap().code(), Some(0));
}
