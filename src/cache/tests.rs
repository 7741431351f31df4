//! Who reads, who waits and who goes first, in paused time; and what is let in.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::*;
use crate::model::content::Fingerprint;
use crate::model::document::State;
use crate::model::document::{Attributes, ContentColumn, Document};
use crate::model::id::FreshKey;
use crate::model::location::{Labels, Location};
use crate::model::phase::Phase;

const STATE: State = State { phase: Phase::Object, epoch: Epoch(1), read_only: false };
const SECOND: Duration = Duration::from_secs(1);

fn cache(limit_bytes: u64) -> ContentCache {
    ContentCache::new(limit_bytes, Arc::new(Metrics::new("1.2.3")))
}

fn document(content: SqlContent) -> Document {
    Document { revision: Revision(1), content, column: ContentColumn::Nullable, soft_deleted: false, attributes: Attributes::default() }
}

fn row(id: i64, content: SqlContent, location: Option<Location>) -> DocRow {
    let key = DocKey { tenant: "acme".parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(id) };
    DocRow { key, state: STATE, document: Some(document(content)), location, inline: None }
}

/// Of a document that only the object store holds.
fn in_object(id: i64, content: &[u8]) -> DocRow {
    row(id, SqlContent::Null, Some(location(content, true)))
}

fn location(content: &[u8], sole: bool) -> Location {
    let object = FreshKey::mint("local".parse().unwrap()).stored();
    Location {
        stamp: Stamp::Object(object.id),
        object: Some(object),
        content: Fingerprint::of(content),
        revision: Revision(1),
        sole,
        labels: Labels::default(),
        held_from: jiff::Timestamp::UNIX_EPOCH,
        verified_at: None,
    }
}

fn stamp(row: &DocRow) -> Stamp {
    row.truth().stamp.unwrap()
}

async fn read(cache: &ContentCache, tenant: TenantInstance, row: &DocRow, side: Side, gives: &[u8]) -> (Bytes, Origin) {
    let load = async { Ok::<_, Infallible>((Bytes::copy_from_slice(gives), side)) };
    cache.whole(tenant, row, &stamp(row), load).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn readers_of_one_content_share_one_read() {
    let (cache, tenant, row, reads) = (cache(1 << 20), TenantInstance::fresh(), in_object(1, b"x"), AtomicUsize::new(0));
    let load = || async {
        reads.fetch_add(1, Ordering::Relaxed);
        sleep(SECOND).await;
        Ok::<_, Infallible>((Bytes::from_static(b"x"), Side::Object))
    };
    let (begun, stamp) = (Instant::now(), stamp(&row));
    let answers = join_all((0..50).map(|_| cache.whole(tenant, &row, &stamp, load()))).await;
    assert_eq!((reads.load(Ordering::Relaxed), begun.elapsed()), (1, SECOND));
    let from_the_store = answers.iter().filter(|answer| answer.as_ref().unwrap().1 == Origin::Store(Side::Object)).count();
    assert!(from_the_store == 1 && answers.iter().all(|answer| answer.as_ref().unwrap().0 == "x"));
    assert_eq!(read(&cache, tenant, &row, Side::Object, b"never asked").await, (Bytes::from_static(b"x"), Origin::Cache));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_fails_nobody_else_and_is_not_remembered() {
    let (cache, tenant, row) = (cache(1 << 20), TenantInstance::fresh(), in_object(1, b"x"));
    let stamp = stamp(&row);
    let reader = |fails: bool| {
        cache.whole(tenant, &row, &stamp, async move {
            sleep(SECOND).await;
            if fails { Err("broken") } else { Ok((Bytes::from_static(b"x"), Side::Object)) }
        })
    };
    let begun = Instant::now();
    let (first, second, third) = tokio::join!(reader(true), reader(true), reader(false));
    assert_eq!((first.unwrap_err(), second.unwrap_err()), ("broken", "broken"));
    assert_eq!(third.unwrap().0, "x");
    assert_eq!(begun.elapsed(), 2 * SECOND, "they do not queue up behind each other's failures");
}

#[tokio::test(start_paused = true)]
async fn the_next_one_reads_where_the_readers_client_goes_away() {
    let (cache, tenant, row) = (cache(1 << 20), TenantInstance::fresh(), in_object(1, b"x"));
    let stamp = stamp(&row);
    let reader = || {
        cache.whole(tenant, &row, &stamp, async {
            sleep(10 * SECOND).await;
            Ok::<_, Infallible>((Bytes::from_static(b"x"), Side::Object))
        })
    };
    let begun = Instant::now();
    let leaving = async { tokio::time::timeout(SECOND, reader()).await.is_err() };
    let others = async {
        tokio::task::yield_now().await;
        join_all([reader(), reader()]).await
    };
    let (left, stayed) = tokio::join!(leaving, others);
    assert!(left && stayed.iter().all(|answer| answer.as_ref().unwrap().0 == "x"));
    assert_eq!(begun.elapsed(), 11 * SECOND);
}

#[tokio::test]
async fn nobody_gets_another_ones_content() {
    let (cache, [one, other]) = (cache(1 << 20), [TenantInstance::fresh(), TenantInstance::fresh()]);
    let row = row(1, SqlContent::Bytes(1), None);
    assert_eq!(read(&cache, one, &row, Side::Sql, b"1").await.1, Origin::Store(Side::Sql));
    assert_eq!(read(&cache, other, &row, Side::Sql, b"2").await, (Bytes::from_static(b"2"), Origin::Store(Side::Sql)));
    assert_eq!(read(&cache, one, &row, Side::Sql, b"3").await, (Bytes::from_static(b"1"), Origin::Cache));
    for moved in [DocRow { state: State { epoch: Epoch(2), ..STATE }, ..row.clone() }, in_object(1, b"9")] {
        assert_eq!(read(&cache, one, &moved, Side::Object, b"9").await.1, Origin::Store(Side::Object));
    }
}

#[tokio::test]
async fn only_bytes_that_the_location_vouches_for_come_in() {
    let (cache, tenant) = (cache(1 << 20), TenantInstance::fresh());
    let both = row(1, SqlContent::Bytes(1), Some(location(b"x", false)));
    for gives in [b"y", b"x"] {
        assert_eq!(read(&cache, tenant, &both, Side::Sql, gives).await.1, Origin::Store(Side::Sql), "what came before was not kept");
    }
    assert_eq!(read(&cache, tenant, &both, Side::Sql, b"z").await.1, Origin::Cache);
}

/// A verification that found the holders different gives the object up: its bytes have the name that SQL's content gets.
#[tokio::test]
async fn what_the_object_store_gave_does_not_stand_for_what_sql_alone_holds() {
    let (cache, tenant) = (cache(1 << 20), TenantInstance::fresh());
    let named = Stamp::Row { epoch: Epoch(1), revision: Revision(1) };
    let both = row(1, SqlContent::Bytes(1), Some(Location { stamp: named.clone(), ..location(b"x", false) }));
    assert_eq!(read(&cache, tenant, &both, Side::Object, b"x").await.1, Origin::Store(Side::Object));
    let given_up = DocRow { location: None, ..both };
    assert_eq!(stamp(&given_up), named);
    assert_eq!(read(&cache, tenant, &given_up, Side::Sql, b"y").await, (Bytes::from_static(b"y"), Origin::Store(Side::Sql)));
}

#[tokio::test]
async fn it_holds_no_more_than_it_may_and_nothing_large() {
    let (limit, tenant) = (1 << 20, TenantInstance::fresh());
    let cache = cache(limit);
    let content = vec![7; 60 << 10];
    for id in 0..100 {
        read(&cache, tenant, &in_object(id, &content), Side::Object, &content).await;
        assert!(cache.used_bytes() <= limit);
    }
    assert!(cache.used_bytes() > limit / 2);
    let longest = in_object(1, &vec![7; SMALL_BYTES as usize]);
    assert!(cache.takes(&longest) && !cache.takes(&in_object(1, &vec![7; SMALL_BYTES as usize + 1])));
    assert!(!ContentCache::new(0, Arc::new(Metrics::new("1.2.3"))).takes(&longest));
}
