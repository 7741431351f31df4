//! The end of a demo: every document by the gateway against what was written, and each holder's own bytes against it too.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode};

use super::ledger::{Candidates, Seen};
use super::show::Summary;
use super::traffic::{Document, Traffic};
use crate::app::Running;
use crate::body;
use crate::model::document::{DocRow, Holder};
use crate::model::id::{CollectionName, DocId, DocKey, TenantId};
use crate::store::checked::open_checked;
use crate::store::object::ByteStream;
use crate::tenants::Tenant;

pub(super) async fn every_document(running: &Running, traffic: &Traffic) -> anyhow::Result<Summary> {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let counts = &traffic.counts;
    let metrics = running.metrics().render();
    let mut summary = Summary {
        documents: traffic.documents.len() as u64,
        reads: count(&counts.reads),
        failed_reads: count(&counts.failed_reads) + count(&counts.lost_connections),
        wrong_reads: count(&counts.wrong_reads),
        writes: count(&counts.writes),
        failed_writes: count(&counts.failed_writes),
        deletes: count(&counts.deletes),
        copied: total(&metrics, "sluss_copied_documents_total"),
        written_back: total(&metrics, "sluss_job_duration_seconds_count{kind=\"write_back\",outcome=\"done\"}"),
        purged: total(&metrics, "sluss_purged_documents_total"),
        complaints: traffic.complaints.lock().await.clone(),
        ..Summary::default()
    };
    for document in &traffic.documents {
        let expected = document.ledger.lock().await.possible().to_vec();
        let served = by_gateway(traffic, document, &expected).await?;
        let held = by_holders(running, document, &expected).await?;
        summary.compared += 1;
        if !(served && held) {
            summary.different += 1;
            summary.complaints.push(format!("{} differs: by the gateway {served}, in the stores {held}", document.path));
        }
    }
    Ok(summary)
}

async fn by_gateway(traffic: &Traffic, document: &Document, expected: &[Seen]) -> anyhow::Result<bool> {
    let gateway = traffic.gateways.first().context("a demo has a gateway")?;
    let mut answer = gateway.request(Method::GET, &document.path, HeaderMap::new(), body::empty()).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(expected.contains(&Seen::Absent));
    }
    let mut candidates = Candidates::among(expected, 0);
    while let Some(piece) = answer.piece().await? {
        candidates.see(&piece);
    }
    Ok(answer.status == StatusCode::OK && candidates.whole().is_some())
}

async fn by_holders(running: &Running, document: &Document, expected: &[Seen]) -> anyhow::Result<bool> {
    let (tenant, key) = key_of(running, document).context("the demo's own path")?;
    let row = tenant.sql.row(&key).await?;
    let holder = row.truth().holder;
    let mut same = true;
    if matches!(holder, Holder::Sql | Holder::Both) {
        same &= is_one_of(in_sql(&tenant, &row).await?, expected).await;
    }
    if matches!(holder, Holder::Object | Holder::Both)
        && let Some(location) = &row.location
    {
        let object = open_checked(&*tenant.objects, location, 0..location.content.length_bytes).await?;
        same &= is_one_of(object, expected).await;
    }
    Ok(same)
}

async fn in_sql(tenant: &Tenant, row: &DocRow) -> anyhow::Result<Option<ByteStream>> {
    let Some(document) = &row.document else { return Ok(None) };
    Ok(tenant.sql.open(&row.key, document.revision, 0, 1 << 20).await?)
}

async fn is_one_of(content: Option<ByteStream>, expected: &[Seen]) -> bool {
    let Some(mut content) = content else { return false };
    let mut candidates = Candidates::among(expected, 0);
    while let Some(piece) = content.next().await {
        let Ok(piece) = piece else { return false };
        candidates.see(&piece);
    }
    candidates.whole().is_some()
}

fn key_of(running: &Running, document: &Document) -> Option<(std::sync::Arc<Tenant>, DocKey)> {
    let mut parts = document.path.split('/').skip(3);
    let tenant: TenantId = parts.next()?.parse().ok()?;
    let collection: CollectionName = parts.next()?.parse().ok()?;
    let found = running.tenants().get(&tenant)?;
    let id = DocId::parse(found.collection(&collection)?.id_kind, &parts.next()?.replace("%2F", "/")).ok()?;
    Some((found, DocKey { tenant, collection, id }))
}

/// One series' value in the text format.
fn total(metrics: &str, series: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|value| value.parse::<f64>().ok()).map_or(0, |value| value as u64)
}
