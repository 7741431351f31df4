//! What is new since a moment, for who watches: the events of the admin API, for everybody or for who reaches some tenants only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stores::{Store, StoreSummary};
use super::summary::{Summary, Totals};
use super::transfers::{Outcome, Seen, TransferView};
use crate::config::TenantScope;
use crate::model::id::TenantId;
use crate::model::phase::Phase;

/// Whose news somebody may hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    All,
    Only(BTreeSet<TenantId>),
}

impl From<&TenantScope> for Reach {
    fn from(scope: &TenantScope) -> Self {
        match scope {
            TenantScope::All => Self::All,
            TenantScope::Only(tenants) => Self::Only(tenants.iter().cloned().collect()),
        }
    }
}

impl Reach {
    fn has(&self, tenant: &TenantId) -> bool {
        match self {
            Self::All => true,
            Self::Only(tenants) => tenants.contains(tenant),
        }
    }
}

/// All that is watched, at one moment.
#[derive(Clone, Default)]
pub(super) struct Picture {
    pub(super) summaries: Arc<BTreeMap<TenantId, Arc<Summary>>>,
    pub(super) stores: Arc<Vec<Store>>,
    pub(super) all_paused: bool,
    /// By their numbers.
    pub(super) transfers: Vec<Seen>,
}

/// Between two pictures, or all of one.
pub(super) struct News {
    at: Timestamp,
    /// Everything is told: what was known before holds no more.
    reset: bool,
    fleet: Option<FleetNews>,
    transfers: Option<TransferNews>,
    phases: Vec<(TenantId, Phase, Phase)>,
}

struct FleetNews {
    now: Picture,
    changed: Vec<TenantId>,
    removed: Vec<TenantId>,
    stores_changed: bool,
    all_paused_changed: bool,
}

#[derive(Default)]
struct TransferNews {
    started: Vec<Seen>,
    moved: Vec<Seen>,
    ended: Vec<Seen>,
}

/// Event `fleet`: what is different about tenants and stores.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FleetEvent")]
pub struct FleetEvent {
    pub at: Timestamp,
    /// This is everything: what was known before is forgotten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    pub all_paused: bool,
    /// Whole, and only those that are different.
    pub tenants: Vec<Summary>,
    /// No longer served.
    pub removed: Vec<String>,
    /// All of them, where one is different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stores: Option<Vec<StoreSummary>>,
    pub totals: Totals,
}

impl FleetEvent {
    pub const NAME: &str = "fleet";
}

/// Event `transfers`: what moves.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TransfersEvent")]
pub struct TransfersEvent {
    /// This is everything: what was known before is forgotten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// Those that are new, and those that another holder serves now.
    pub started: Vec<TransferView>,
    /// Number, bytes done, bytes a second.
    pub moved: Vec<(u64, u64, u64)>,
    /// Number, and how it ended.
    pub ended: Vec<(u64, Outcome)>,
}

impl TransfersEvent {
    pub const NAME: &str = "transfers";
}

/// Event `phase`: a tenant was flipped, by this process or another one.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PhaseEvent")]
pub struct PhaseEvent {
    pub tenant: String,
    pub from: Phase,
    pub to: Phase,
    /// When this process saw it.
    pub at: Timestamp,
}

impl PhaseEvent {
    pub const NAME: &str = "phase";
}

impl News {
    /// Everything that there is.
    pub(super) fn all(at: Timestamp, now: Picture) -> Self {
        let transfers = TransferNews { started: now.transfers.clone(), ..TransferNews::default() };
        let changed = now.summaries.keys().cloned().collect();
        let fleet = FleetNews { changed, removed: Vec::new(), stores_changed: true, all_paused_changed: true, now };
        Self { at, reset: true, fleet: Some(fleet), transfers: Some(transfers), phases: Vec::new() }
    }

    /// `None`: nothing is.
    pub(super) fn between(at: Timestamp, before: &Picture, now: &Picture) -> Option<Self> {
        let (fleet, transfers) = (FleetNews::between(before, now), TransferNews::between(before, now));
        let phases = if fleet.is_some() { flips(before, now) } else { Vec::new() };
        (fleet.is_some() || transfers.is_some()).then_some(Self { at, reset: false, fleet, transfers, phases })
    }

    /// As server-sent events; empty where none of it is for this reach.
    pub(super) fn frames(&self, reach: &Reach) -> Bytes {
        let mut frames = Vec::new();
        if let Some(event) = self.fleet.as_ref().and_then(|news| news.event(self, reach)) {
            frame(&mut frames, FleetEvent::NAME, &event);
        }
        for (tenant, from, to) in self.phases.iter().filter(|(tenant, _, _)| reach.has(tenant)) {
            let event = PhaseEvent { tenant: tenant.to_string(), from: *from, to: *to, at: self.at };
            frame(&mut frames, PhaseEvent::NAME, &event);
        }
        if let Some(event) = self.transfers.as_ref().and_then(|news| news.event(self.reset, reach)) {
            frame(&mut frames, TransfersEvent::NAME, &event);
        }
        frames.into()
    }
}

impl FleetNews {
    fn between(before: &Picture, now: &Picture) -> Option<Self> {
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        if !Arc::ptr_eq(&before.summaries, &now.summaries) {
            let is_same =
                |(id, summary): &(&TenantId, &Arc<Summary>)| before.summaries.get(id).is_some_and(|was| Arc::ptr_eq(was, summary));
            changed = now.summaries.iter().filter(|entry| !is_same(entry)).map(|(id, _)| id.clone()).collect();
            removed = before.summaries.keys().filter(|id| !now.summaries.contains_key(id)).cloned().collect();
        }
        let stores_changed = !Arc::ptr_eq(&before.stores, &now.stores);
        let all_paused_changed = before.all_paused != now.all_paused;
        let is_news = stores_changed || all_paused_changed || !changed.is_empty() || !removed.is_empty();
        let now = || Picture { transfers: Vec::new(), ..now.clone() };
        is_news.then(|| Self { now: now(), changed, removed, stores_changed, all_paused_changed })
    }

    fn event(&self, news: &News, reach: &Reach) -> Option<FleetEvent> {
        let Self { now, changed, removed, stores_changed, all_paused_changed } = self;
        let tenants = changed.iter().filter(|id| reach.has(id)).filter_map(|id| now.summaries.get(id));
        let tenants: Vec<Summary> = tenants.map(|summary| Summary::clone(summary)).collect();
        let removed: Vec<String> = removed.iter().filter(|id| reach.has(id)).map(ToString::to_string).collect();
        let stores = || now.stores.iter().filter_map(|store| store.seen_by(|tenant| reach.has(tenant))).collect();
        let stores: Option<Vec<StoreSummary>> = stores_changed.then(stores);
        let is_news = news.reset || *all_paused_changed || stores.is_some() || !tenants.is_empty() || !removed.is_empty();
        let reached = now.summaries.iter().filter(|(id, _)| reach.has(id)).map(|(_, summary)| &**summary);
        let totals = Totals::of(reached);
        is_news.then_some(FleetEvent { at: news.at, reset: news.reset, all_paused: now.all_paused, tenants, removed, stores, totals })
    }
}

impl TransferNews {
    /// Both pictures have their transfers in the order of their numbers, which grow.
    fn between(before: &Picture, now: &Picture) -> Option<Self> {
        let mut news = Self::default();
        let mut earlier = before.transfers.iter().peekable();
        for seen in &now.transfers {
            while let Some(gone) = earlier.next_if(|was| was.moving.id < seen.moving.id) {
                news.ended.push(gone.clone());
            }
            match earlier.next_if(|was| was.moving.id == seen.moving.id) {
                Some(was) if was.source != seen.source => news.started.push(seen.clone()),
                Some(was) if was.bytes_done != seen.bytes_done || was.bytes_per_second != seen.bytes_per_second => {
                    news.moved.push(seen.clone());
                }
                Some(_) => {}
                None => news.started.push(seen.clone()),
            }
        }
        news.ended.extend(earlier.cloned());
        let is_news = !news.started.is_empty() || !news.moved.is_empty() || !news.ended.is_empty();
        is_news.then_some(news)
    }

    fn event(&self, reset: bool, reach: &Reach) -> Option<TransfersEvent> {
        let reached = |seen: &&Seen| reach.has(&seen.moving.tenant);
        let event = TransfersEvent {
            reset,
            started: self.started.iter().filter(reached).map(Seen::view).collect(),
            moved: self.moved.iter().filter(reached).map(|seen| (seen.moving.id, seen.bytes_done, seen.bytes_per_second)).collect(),
            ended: self.ended.iter().filter(reached).map(|seen| (seen.moving.id, seen.outcome())).collect(),
        };
        let is_news = reset || !event.started.is_empty() || !event.moved.is_empty() || !event.ended.is_empty();
        is_news.then_some(event)
    }
}

/// Tenants that were in one phase and are in another.
fn flips(before: &Picture, now: &Picture) -> Vec<(TenantId, Phase, Phase)> {
    let flip = |(id, summary): (&TenantId, &Arc<Summary>)| {
        let (from, to) = (before.summaries.get(id)?.phase?, summary.phase?);
        (from != to).then(|| (id.clone(), from, to))
    };
    now.summaries.iter().filter_map(flip).collect()
}

fn frame(frames: &mut Vec<u8>, event: &str, data: &impl Serialize) {
    frames.extend_from_slice(format!("event: {event}\ndata: ").as_bytes());
    serde_json::to_writer(&mut *frames, data).expect("events are structs of texts, numbers and lists, and a vector takes all bytes");
    frames.extend_from_slice(b"\n\n");
}
