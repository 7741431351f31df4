//! What a run has to show.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use sluss::body;
use sluss::demo::ledger::{Candidates, Seen};
use sluss::model::content::Fingerprint;

use crate::stage::Stage;
use crate::support::customers::{ACME, GLOBEX};

/// No document here is longer.
const MAX_BYTES: usize = 16 << 20;

/// What a busy machine takes from a read now and then. A store in trouble takes hundreds of milliseconds.
const MACHINE: Duration = Duration::from_millis(25);

impl Stage {
    /// Past the gateway, by the rows and the bucket.
    pub fn every_location_names_a_whole_object(&self) {
        let database = self.lab.database();
        for customer in [&ACME, &GLOBEX] {
            let statement = format!("SELECT object, length, sha256 FROM sluss_location_{} WHERE object IS NOT NULL", customer.table);
            let mut statement = database.prepare(&statement).unwrap();
            let named = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            let named: Vec<(String, u64, Vec<u8>)> = named.map(Result::unwrap).collect();
            assert!(named.len() >= 10, "{} has next to nothing in its bucket", customer.tenant);
            for (object, length, sha256) in &named {
                let key = format!("{}/{}/{object}", customer.tenant, &object[object.len() - 2..]);
                let content = self.bucket.get(&key).unwrap_or_else(|| panic!("{key} is named, and is not there"));
                let found = Fingerprint::of(&content);
                assert!(found.length_bytes == *length && found.sha256.0[..] == sha256[..], "{key} is not what its location says");
            }
            println!("{}: {} objects compared", customer.tenant, named.len());
        }
    }

    pub async fn no_request_has_failed(&self) {
        let complaints = self.traffic.complaints.lock().await.clone();
        let counts = &self.traffic.counts;
        for failed in [&counts.wrong_reads, &counts.failed_reads, &counts.failed_writes, &counts.lost_connections] {
            assert_eq!(failed.load(Ordering::Relaxed), 0, "{counts:?}, {complaints:?}");
        }
    }

    pub fn reads_took_at_most_twice_as_long_in_trouble(&self) {
        let [calm, troubled] = self.readers.quantiles();
        println!("quiet reads, half and nineteen in twenty within: {calm:?} in calm, {troubled:?} in trouble");
        for (calm, troubled) in calm.into_iter().zip(troubled) {
            // On a machine that tests other things meanwhile, some milliseconds are the machine's.
            assert!(troubled <= (2 * calm).max(MACHINE), "{troubled:?} in trouble, {calm:?} in calm");
        }
    }

    pub async fn every_document_is_as_written(&self) {
        let complaints = self.traffic.complaints.lock().await.clone();
        assert_eq!(self.traffic.counts.wrong_reads.load(Ordering::Relaxed), 0, "{complaints:?}");
        for document in &self.traffic.documents {
            let possible = document.ledger.lock().await.possible().to_vec();
            let answer = self.traffic.gateways[0].request(Method::GET, &document.path, HeaderMap::new(), body::empty()).await.unwrap();
            if answer.status == StatusCode::NOT_FOUND {
                assert!(possible.contains(&Seen::Absent), "{} is gone, and may only be one of {possible:?}", document.path);
                continue;
            }
            assert_eq!(answer.status, StatusCode::OK, "{}", document.path);
            let mut candidates = Candidates::among(&possible, 0);
            candidates.see(&answer.bytes(MAX_BYTES).await.unwrap());
            assert!(candidates.whole().is_some(), "{} is not as written: one of {possible:?}", document.path);
        }
    }
}
