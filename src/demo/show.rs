//! What the demo prints.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::traffic::Traffic;
use crate::admin::views::TenantList;
use crate::model::phase::Phase;

pub(super) struct Show {
    /// Only the last line counts then, and it is JSON.
    json: bool,
}

/// The demo's last word.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) documents: u64,
    pub(super) compared: u64,
    pub(super) different: u64,
    pub(super) reads: u64,
    pub(super) failed_reads: u64,
    pub(super) wrong_reads: u64,
    pub(super) writes: u64,
    pub(super) failed_writes: u64,
    pub(super) deletes: u64,
    pub(super) copied: u64,
    pub(super) written_back: u64,
    pub(super) purged: u64,
    #[serde(skip)]
    pub(super) complaints: Vec<String>,
}

impl Summary {
    pub(super) fn passed(&self) -> bool {
        let bad = self.different + self.failed_reads + self.wrong_reads + self.failed_writes;
        bad == 0 && self.compared == self.documents
    }
}

impl Show {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn welcome(&self, folder: &Path, documents: SocketAddr, admin: SocketAddr) {
        self.note(&format!(
            "Sluss demo: two tenants, acme and globex, in {}\n\
             \n  documents  http://{documents}/v1/tenants/acme/documents/7\n  console    http://{admin}/console/\n  \
             metrics    http://{admin}/metrics\n\
             \nIn another terminal:\n  curl -i http://{documents}/v1/tenants/acme/documents/7\n  \
             sluss tenant list --admin-url http://{admin}\n\
             \nClients read, write and delete while both tenants go sql -> shadow -> dual -> object -> sealed and back. Ctrl-C ends it with a comparison of every document.\n",
            folder.display()
        ));
    }

    pub(super) fn flipped(&self, tenant: &str, from: Phase, to: Phase) {
        self.note(&format!("  --- {tenant}: {from} -> {to}"));
    }

    pub(super) fn line(&self, list: &TenantList, traffic: &Traffic) {
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let tenants: Vec<String> = list
            .tenants
            .iter()
            .map(|tenant| {
                let held = |holder: &str| tenant.held_by.get(holder).map_or(0, |held| held.documents);
                let phase = tenant.phase.map_or("?", Phase::label);
                format!(
                    "{} {phase:<6} sql {:>3} both {:>3} object {:>3} backlog {:>3}",
                    tenant.tenant,
                    held("sql"),
                    held("both"),
                    held("object"),
                    tenant.backlog
                )
            })
            .collect();
        let counts = &traffic.counts;
        self.note(&format!(
            "{} | reads {} writes {} deletes {} wrong {} failed {}",
            tenants.join(" | "),
            count(&counts.reads),
            count(&counts.writes),
            count(&counts.deletes),
            count(&counts.wrong_reads),
            count(&counts.failed_reads) + count(&counts.failed_writes)
        ));
    }

    pub(super) fn summary(&self, summary: &Summary) {
        for complaint in &summary.complaints {
            eprintln!("  {complaint}");
        }
        if self.json {
            println!("{}", serde_json::to_string(summary).expect("a summary is numbers"));
            return;
        }
        println!(
            "\n{} documents, {} compared byte by byte in every store that holds them, {} different",
            summary.documents, summary.compared, summary.different
        );
        println!(
            "{} reads ({} failed, {} wrong), {} writes ({} failed), {} deletes, {} copied, {} written back, {} purged",
            summary.reads,
            summary.failed_reads,
            summary.wrong_reads,
            summary.writes,
            summary.failed_writes,
            summary.deletes,
            summary.copied,
            summary.written_back,
            summary.purged
        );
        println!("{}", if summary.passed() { "All is well." } else { "Something is WRONG: see the lines above." });
    }

    pub(super) fn note(&self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }
}
