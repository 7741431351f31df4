//! One read for many readers who want the same at the same time. It keeps nothing: a flight is gone once it has landed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::watch;

use crate::lock::lock;

/// How a read ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Landed {
    With(Bytes),
    Failed,
    /// Whoever read has left before the end.
    Left,
}

/// `None`: under way.
type Landing = Option<Landed>;

/// The reads that are under way, by what they read.
pub(super) struct Flights<K>(Arc<Mutex<HashMap<K, watch::Receiver<Landing>>>>);

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// What somebody who wants bytes finds.
pub(super) enum Seat<K: Clone + Eq + Hash> {
    /// Nobody reads: this one does.
    Leads(Lead<K>),
    Follows(Flight),
}

impl<K: Clone + Eq + Hash> Flights<K> {
    pub(super) fn board(&self, key: &K) -> Seat<K> {
        let mut flights = lock(&self.0);
        if let Some(landing) = flights.get(key) {
            return Seat::Follows(Flight(landing.clone()));
        }
        let (landing, others) = watch::channel(None);
        flights.insert(key.clone(), others);
        Seat::Leads(Lead { key: key.clone(), flights: Arc::clone(&self.0), landing })
    }
}

/// The duty to read. Dropped before it has landed, its followers hear that nobody reads any more.
pub(super) struct Lead<K: Clone + Eq + Hash> {
    key: K,
    flights: Arc<Mutex<HashMap<K, watch::Receiver<Landing>>>>,
    landing: watch::Sender<Landing>,
}

impl<K: Clone + Eq + Hash> Lead<K> {
    /// `None`: the read failed.
    pub(super) fn land(self, bytes: Option<&Bytes>) {
        self.landing.send_replace(Some(bytes.map_or(Landed::Failed, |bytes| Landed::With(bytes.clone()))));
    }
}

impl<K: Clone + Eq + Hash> Drop for Lead<K> {
    fn drop(&mut self) {
        // Before the sender goes, so that whoever hears of it finds a free seat.
        lock(&self.flights).remove(&self.key);
    }
}

/// Somebody else's read.
pub(super) struct Flight(watch::Receiver<Landing>);

impl Flight {
    pub(super) async fn landed(mut self) -> Landed {
        let landed = self.0.wait_for(Option::is_some).await;
        landed.ok().and_then(|landing| landing.clone()).unwrap_or(Landed::Left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(flights: &Flights<u8>) -> Lead<u8> {
        match flights.board(&1) {
            Seat::Leads(lead) => lead,
            Seat::Follows(_) => panic!("somebody reads already"),
        }
    }

    fn follow(flights: &Flights<u8>) -> Flight {
        match flights.board(&1) {
            Seat::Leads(_) => panic!("nobody reads"),
            Seat::Follows(flight) => flight,
        }
    }

    #[tokio::test]
    async fn followers_hear_how_the_read_ended_and_the_next_one_reads_anew() {
        let (flights, bytes) = (Flights::default(), Bytes::from_static(b"x"));
        for (landed, heard) in [(Some(&bytes), Landed::With(bytes.clone())), (None, Landed::Failed)] {
            let lead = lead(&flights);
            let followers = [follow(&flights), follow(&flights)];
            lead.land(landed);
            for follower in followers {
                assert_eq!(follower.landed().await, heard);
            }
        }
        assert!(lock(&flights.0).is_empty());
    }

    #[tokio::test]
    async fn who_hears_that_the_reader_has_left_finds_the_seat_free() {
        let flights = Flights::default();
        let left = lead(&flights);
        let follower = follow(&flights);
        drop(left);
        assert_eq!(follower.landed().await, Landed::Left);
        lead(&flights);
    }
}
