//! The demo's folder: two customers' databases with documents in tables of their own shape, and the configuration that maps them.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, params};
use tokio::sync::Mutex;

use super::database;
use super::ledger::{Ledger, Seen};
use super::pattern::Pattern;
use super::traffic::Document;

/// Documents of each tenant.
const DOCUMENTS: u64 = 120;

/// Contents of the first days; the traffic's own seeds begin far above.
const SEEDS: u64 = 1_000;

const KINDS: [(&str, &str, &str); 6] = [
    ("Projektplan", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("Budget", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("Beslutsunderlag", "pdf", "application/pdf"),
    ("Möteskallelse", "txt", "text/plain; charset=utf-8"),
    ("Ritning", "png", "image/png"),
    ("Statusrapport å ä ö", "pdf", "application/pdf"),
];

/// One tenant's table, as different from the other's as real ones are.
struct Customer {
    tenant: &'static str,
    create: &'static str,
    insert: &'static str,
    collections: &'static str,
    text_ids: bool,
}

const CUSTOMERS: [Customer; 2] = [
    Customer {
        tenant: "acme",
        create: "CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT, media_type TEXT, file_name TEXT, modified_at TEXT, content BLOB)",
        insert: "INSERT INTO documents (id, media_type, file_name, modified_at, content) VALUES (CAST(?1 AS INTEGER), ?2, ?3, '2026-03-01 08:00:00', ?4)",
        collections: "[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
                      media_type = \"media_type\"\nfile_name = \"file_name\"\nmodified = \"modified_at\"\n",
        text_ids: false,
    },
    Customer {
        tenant: "globex",
        create: "CREATE TABLE Filer (Nyckel TEXT PRIMARY KEY COLLATE NOCASE, Typ TEXT, Namn TEXT, Andrad INTEGER, Data BLOB)",
        insert: "INSERT INTO Filer (Nyckel, Typ, Namn, Andrad, Data) VALUES (?1, ?2, ?3, 1772352000, ?4)",
        collections: "[collections.documents]\ntable = \"Filer\"\nid = \"Nyckel\"\nid_type = \"text\"\ncontent = \"Data\"\n\
                      media_type = \"Typ\"\nfile_name = \"Namn\"\nmodified = \"Andrad\"\n",
        text_ids: true,
    },
];

/// Fills the folder, and answers with what lies there.
/// `objects`: where the tenants' objects lie, as their files say it.
pub(super) async fn plant(folder: &Path, documents: SocketAddr, admin: SocketAddr, objects: String) -> anyhow::Result<Vec<Document>> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || plant_now(&folder, documents, admin, &objects)).await?
}

fn plant_now(folder: &Path, documents: SocketAddr, admin: SocketAddr, objects: &str) -> anyhow::Result<Vec<Document>> {
    std::fs::create_dir_all(folder.join("tenants"))?;
    anyhow::ensure!(!folder.join("sluss.toml").exists(), "{} is not empty", folder.display());
    let gateway = format!(
        "auth = \"none\"\n[listeners]\ndocuments = \"{documents}\"\nadmin = \"{admin}\"\n[control]\ndatabase = \"sqlite:control.db\"\n\
         [agents]\npoll_max = \"1s\"\nsweep_every = \"30s\"\n"
    );
    std::fs::write(folder.join("sluss.toml"), gateway)?;
    let mut rng = StdRng::seed_from_u64(7);
    let mut planted = Vec::new();
    for customer in &CUSTOMERS {
        let tenant = customer.tenant;
        let config = format!(
            "oldest_sql_backup = \"0s\"\n[sql]\ndatabase = \"sqlite:../{tenant}.db\"\n{}[objects]\n{objects}prefix = \"{tenant}/\"\n",
            customer.collections
        );
        std::fs::write(folder.join(format!("tenants/{tenant}.toml")), config)?;
        planted.extend(fill(folder, customer, &mut rng).with_context(|| format!("make the database of {tenant}"))?);
    }
    Ok(planted)
}

fn fill(folder: &Path, customer: &Customer, rng: &mut StdRng) -> anyhow::Result<Vec<Document>> {
    let connection = Connection::open(database(folder, customer.tenant))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch(customer.create)?;
    let mut documents = Vec::new();
    for number in 1..=DOCUMENTS {
        let (title, extension, media_type) = KINDS[rng.random_range(0..KINDS.len())];
        let id = if customer.text_ids { format!("PRJ-{:03}/{number}", number % 7) } else { number.to_string() };
        let file_name = format!("{title} {number}.{extension}");
        let pattern = Pattern { seed: SEEDS + number, length: length_of(number, rng) };
        let content = pattern.bytes(0, pattern.length);
        connection.execute(customer.insert, params![id, media_type, file_name, &content[..]])?;
        documents.push(Document {
            path: format!("/v1/tenants/{}/documents/{}", customer.tenant, id.replace('/', "%2F")),
            media_type,
            file_name,
            max_length: pattern.length.max(64 << 10) * 2,
            ledger: Mutex::new(Ledger::of(Seen::Content(pattern))),
        });
    }
    Ok(documents)
}

/// From nothing to some MiB, most of them small.
fn length_of(number: u64, rng: &mut StdRng) -> u64 {
    match number {
        1 => 0,
        2 => 24 << 20,
        3..=8 => rng.random_range(1 << 20..6 << 20),
        _ => rng.random_range(200..400 << 10),
    }
}
