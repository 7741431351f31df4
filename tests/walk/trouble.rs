//! What goes wrong around the processes: objects that are away for a moment, and writers that overtake copies.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use sluss::body;
use sluss::client::HttpClient;
use sluss::demo::pattern::Pattern;
use tokio::sync::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::customers::{ACME, Customer, GLOBEX};
use crate::support::lab::Lab;

/// Moves an object away that SQL holds too, reads its document, and moves it back: SQL has to answer. Not while `in_sight` is held.
pub async fn hide_objects(lab: Arc<Lab>, in_sight: Arc<Mutex<()>>, gateways: Vec<HttpClient>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        for customer in [&ACME, &GLOBEX] {
            let _hides = in_sight.lock().await;
            if let Some((path, object)) = held_by_both(&lab, customer) {
                let file = lab.object_file(customer, &object);
                let aside = lab.path().join(format!("aside-{object}"));
                if std::fs::rename(&file, &aside).is_ok() {
                    for gateway in &gateways {
                        read_and_forget(gateway, &path).await;
                    }
                    std::fs::rename(&aside, &file).unwrap();
                }
            }
        }
        sleep(Duration::from_millis(700)).await;
    }
}

/// A document of a tenant that reads objects first, with content in both stores. It stays in SQL for as long as its row has this revision:
/// in `sealed` a purge would end that while the object is away, and then nobody could answer.
fn held_by_both(lab: &Lab, customer: &Customer) -> Option<(String, String)> {
    let database = lab.database();
    let statement = format!(
        "SELECT CAST(l.id AS TEXT), l.object FROM sluss_location_{table} l JOIN sluss_revision_{table} r ON r.id = l.id AND r.revision = l.revision \
         WHERE NOT l.sole AND l.object IS NOT NULL AND l.length BETWEEN 1 AND 1000000 \
         AND (SELECT phase FROM sluss_state WHERE tenant = ?1) IN ('dual', 'object') ORDER BY random() LIMIT 1",
        table = customer.table
    );
    let found: Option<(String, String)> = database.query_row(&statement, [customer.tenant], |row| Ok((row.get(0)?, row.get(1)?))).ok();
    let (id, object) = found?;
    let segment = id.replace(' ', "%20").replace('/', "%2F");
    Some((format!("/v1/tenants/{}/documents/{segment}", customer.tenant), object))
}

/// Writes the same two documents again and again, each large enough to be overtaken while it is copied.
pub async fn overtake_copies(gateways: Vec<HttpClient>, stop: CancellationToken) {
    let mut seed = 1 << 60;
    while !stop.is_cancelled() {
        for tenant in ["acme", "globex"] {
            seed += 1;
            let pattern = Pattern { seed, length: 3 << 20 };
            let path = format!("/v1/tenants/{tenant}/documents/900000");
            let gateway = &gateways[(seed % gateways.len() as u64) as usize];
            // Nobody reads these documents, and a write that is lost with its process is as good as one that was not sent.
            let _ = gateway.request(Method::PUT, &path, HeaderMap::new(), body::stream(pattern.stream())).await;
            read_and_forget(gateway, &path).await;
        }
        sleep(Duration::from_millis(150)).await;
    }
}

async fn read_and_forget(gateway: &HttpClient, path: &str) {
    if let Ok(mut answer) = gateway.request(Method::GET, path, HeaderMap::new(), body::empty()).await {
        while let Ok(Some(_)) = answer.piece().await {}
    }
}
