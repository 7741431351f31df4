//! The documents of both tenants, as they lie in SQL before anybody walks.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;
use sluss::demo::ledger::{Ledger, Seen};
use sluss::demo::pattern::Pattern;
use sluss::demo::traffic::Document;
use tokio::sync::Mutex;

use crate::support::customers::{ACME, Customer, GLOBEX};
use crate::support::lab::Lab;

/// Documents of both tenants together that clients change all the time.
const BUSY: u64 = 200;

/// Documents that clients change now and then, as most of an archive: both stores hold them still when the tenants are sealed.
const QUIET: u64 = 100;

/// The busy documents, from nothing to 64 MiB, and the quiet ones.
pub fn plant(lab: &Lab) -> (Vec<Document>, Vec<Document>) {
    let database = lab.database();
    let mut rng = StdRng::seed_from_u64(11);
    let mut documents = (0..BUSY + QUIET).map(|number| plant_one(&database, number, &mut rng));
    let busy = documents.by_ref().take(BUSY as usize).collect();
    (busy, documents.collect())
}

fn plant_one(database: &Connection, number: u64, rng: &mut StdRng) -> Document {
    let customer: &Customer = if number.is_multiple_of(2) { &ACME } else { &GLOBEX };
    let id = if number.is_multiple_of(2) { format!("{}", number + 1) } else { format!("Akt {number}/b") };
    let max_length = match number {
        0 => 64 << 20,
        1..=3 => 16 << 20,
        4..=19 => 4 << 20,
        _ => 300 << 10,
    };
    let length = match number {
        0 => 64 << 20,
        20 | 21 => 0,
        _ => rng.random_range(1..=max_length),
    };
    let pattern = Pattern { seed: 1 + number, length };
    let file_name = format!("Bilaga {number} å.pdf");
    customer.insert(database, &id, "application/pdf", &file_name, Some(pattern));
    let segment = id.replace(' ', "%20").replace('/', "%2F");
    Document {
        path: format!("/v1/tenants/{}/documents/{segment}", customer.tenant),
        media_type: "application/pdf",
        file_name,
        max_length,
        ledger: Mutex::new(Ledger::of(Seen::Content(pattern))),
    }
}
