//! Processes at work on two tenants, the commands that steer them, and a look into the database at what they do.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;
use sluss::demo::pattern::Pattern;

use super::support::customers::{ACME, Customer, GLOBEX};
use super::support::lab::{Lab, Seat};
use super::support::process::Process;
use super::support::said::Said;

const SETTINGS: &str = "[limits]\n[agents]\npoll_min = \"10ms\"\npoll_max = \"100ms\"\n";

pub struct Plant {
    pub lab: Lab,
    pub seats: Vec<Seat>,
    pub processes: Vec<Process>,
}

impl Plant {
    /// Agents in so many processes; the first one also serves operators.
    pub fn with_processes(number: usize) -> Self {
        let lab = Lab::new(SETTINGS);
        let seats: Vec<Seat> = (1..=number).map(|number| lab.seat(&format!("process-{number}"))).collect();
        lab.init(&seats[0]);
        let processes = seats
            .iter()
            .map(|seat| {
                let mut process = Process::start(seat, &["serve"]);
                process.wait_for(seat.admin);
                process
            })
            .collect();
        Self { lab, seats, processes }
    }

    /// Documents straight into the customers' tables.
    pub fn insert(&self, customer: &Customer, documents: u64, length: u64) {
        let database = self.lab.database();
        for id in 1..=documents {
            customer.insert(&database, &id.to_string(), "text/plain", "a.txt", Some(Pattern { seed: id, length }));
        }
    }

    /// A command as an operator types it, to the first process.
    pub fn run(&self, arguments: &[&str]) -> Said {
        Self::ask(&self.seats[0], arguments)
    }

    /// The same to each process, which then follows it at once: the others look once a second.
    pub fn everywhere(&self, arguments: &[&str]) {
        for seat in &self.seats {
            Self::ask(seat, arguments).done();
        }
    }

    fn ask(seat: &Seat, arguments: &[&str]) -> Said {
        let output = Process::command(seat, arguments).env("SLUSS_ADMIN_URL", format!("http://127.0.0.1:{}", seat.admin)).output().unwrap();
        Said::of(output)
    }

    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[&["--json"], arguments].concat()).done()).unwrap()
    }

    pub fn phase(&self, customer: &Customer) -> String {
        self.json(&["tenant", "show", customer.tenant])["phase"].as_str().unwrap().to_owned()
    }

    /// The audit's entries of one action, the oldest first: tenant and detail.
    pub fn audited(&self, action: &str) -> Vec<(Option<String>, String)> {
        let database = self.lab.database();
        let mut statement = database.prepare("SELECT tenant, detail FROM sluss_audit WHERE action = ?1 ORDER BY number").unwrap();
        let found = statement.query_map([action], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        found.map(Result::unwrap).collect()
    }
}

/// Jobs of a tenant that somebody works on now.
pub fn leased(database: &Connection, customer: &Customer) -> u64 {
    count(database, "sluss_job WHERE state = 'leased' AND tenant = ?1", customer)
}

pub fn open_copies(database: &Connection, customer: &Customer) -> u64 {
    count(database, "sluss_job WHERE kind = 'copy' AND tenant = ?1", customer)
}

/// Contents of acme that take hours at the rate that is set here: at work are as many agents as there are, and each process has
/// let one portion pass for which nothing was owed yet.
pub fn crawling(plant: &Plant) {
    plant.insert(&ACME, 12, 200_000);
    plant.everywhere(&["limits", "set", "--bytes-per-second", "100", "--tenant", "acme"]);
    plant.run(&["tenant", "phase", "acme", "shadow"]).done();
    let (database, processes) = (plant.lab.database(), plant.seats.len() as u64);
    wait_until("every place is taken by a copy that does not end", || {
        (leased(&database, &ACME), copied(&database, &ACME)) == (4 * processes, processes)
    });
}

pub fn copied(database: &Connection, customer: &Customer) -> u64 {
    database.query_row(&format!("SELECT count(*) FROM sluss_location_{}", customer.table), [], |row| row.get(0)).unwrap()
}

fn count(database: &Connection, of: &str, customer: &Customer) -> u64 {
    database.query_row(&format!("SELECT count(*) FROM {of}"), [customer.tenant], |row| row.get(0)).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "processes work in real time")]
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub const BOTH: [&Customer; 2] = [&ACME, &GLOBEX];
