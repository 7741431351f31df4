//! The incremental sweep's look at what changed: nothing is passed over, nothing is shown twice once it was dealt with.

use sluss::model::id::DocKey;
use sluss::model::phase::Phase;
use sluss::model::stamp::Revision;

use crate::support::{World, documents, numbered};

async fn changed(w: &World, limit: usize) -> (Vec<DocKey>, Option<Revision>) {
    let found = w.sql.changes(&documents(), limit).await.unwrap();
    (found.rows.into_iter().map(|row| row.key).collect(), found.reached)
}

/// Deals with a page as the job does.
async fn next_page(w: &World, limit: usize) -> Vec<DocKey> {
    let (keys, reached) = changed(w, limit).await;
    if let Some(reached) = reached {
        w.sql.changes_seen(&documents(), reached).await.unwrap();
    }
    keys
}

async fn a_change_is_seen_whoever_made_it_and_only_until_it_was_dealt_with(w: World) {
    w.store(&numbered(1), b"through the gateway").await;
    w.customer.insert(&numbered(2), Some(b"straight into sql"));
    assert_eq!(next_page(&w, 10).await, [numbered(1), numbered(2)]);
    assert_eq!(next_page(&w, 10).await, []);
    w.customer.touch(&numbered(1));
    assert_eq!(next_page(&w, 10).await, [numbered(1)]);
}

async fn what_was_seen_and_not_dealt_with_is_seen_again(w: World) {
    w.store(&numbered(1), b"x").await;
    assert_eq!(changed(&w, 10).await, changed(&w, 10).await);
    assert_eq!(next_page(&w, 10).await, [numbered(1)]);
}

async fn a_long_list_of_changes_comes_in_pages_in_the_order_of_the_changes(w: World) {
    for id in [5, 1, 4, 2, 3] {
        w.store(&numbered(id), b"x").await;
    }
    w.customer.set_content(&numbered(5), Some(b"again"));
    assert_eq!(next_page(&w, 2).await, [numbered(1), numbered(4)]);
    assert_eq!(next_page(&w, 2).await, [numbered(2), numbered(3)]);
    assert_eq!(next_page(&w, 2).await, [numbered(5)]);
}

async fn a_document_that_is_gone_is_no_change(w: World) {
    w.store(&numbered(1), b"x").await;
    w.customer.delete(&numbered(1));
    assert_eq!(next_page(&w, 10).await, []);
}

async fn the_watermark_never_falls(w: World) {
    w.store(&numbered(1), b"x").await;
    let (_, first) = changed(&w, 10).await;
    w.store(&numbered(2), b"y").await;
    next_page(&w, 10).await;
    w.sql.changes_seen(&documents(), first.unwrap()).await.unwrap();
    assert_eq!(next_page(&w, 10).await, []);
}

/// A copy changes no document: the walk that called for it is not called for again.
async fn what_agents_do_to_locations_is_no_change_of_the_document(w: World) {
    w.flip_to(Phase::Shadow).await;
    w.store(&numbered(1), b"x").await;
    next_page(&w, 10).await;
    w.copy(&numbered(1)).await;
    assert_eq!(next_page(&w, 10).await, []);
}

on_every_backend! {
    a_change_is_seen_whoever_made_it_and_only_until_it_was_dealt_with,
    what_was_seen_and_not_dealt_with_is_seen_again,
    a_long_list_of_changes_comes_in_pages_in_the_order_of_the_changes,
    a_document_that_is_gone_is_no_change,
    the_watermark_never_falls,
    what_agents_do_to_locations_is_no_change_of_the_document,
}
