//! Content out of SQL: exactly the bytes of one revision, or nothing.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use sluss::model::content::ContentHasher;
use sluss::model::document::Holder;
use sluss::store::error::Interrupted;
use sluss::store::sql::NewContent;

use crate::support::{World, bare, content, done, numbered, store_of};

async fn content_comes_out_exactly_from_any_offset(w: World) {
    let sizes = [0, 1, 64 << 10, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20];
    for (id, length) in (1..).zip(sizes) {
        let (key, bytes) = (numbered(id), content(length, id as u8));
        w.customer.insert(&key, Some(&bytes));
        let revision = w.revision(&key).await;
        for offset in [0, 1, length / 2, (64 << 10) - 1, (1 << 20) + 5, length.saturating_sub(1), length, length + 1] {
            let expected = bytes.get(offset..).unwrap_or_default();
            assert_eq!(w.read_from(&key, revision, offset as u64).await.unwrap(), expected, "{length} bytes from {offset}");
        }
    }
}

async fn a_portion_is_never_larger_than_asked(w: World) {
    w.customer.insert(&numbered(1), Some(&content(1000, 1)));
    let revision = w.revision(&numbered(1)).await;
    let portions = w.sql.open(&numbered(1), revision, 0, 7).await.unwrap().unwrap();
    let portions: Vec<Bytes> = portions.try_collect().await.unwrap();
    assert_eq!((portions.len(), portions.concat()), (143, content(1000, 1)));
}

async fn text_in_the_content_column_is_its_bytes(w: World) {
    w.customer.insert(&bare("text"), Some("räksmörgås".as_bytes()));
    assert_eq!(w.read(&bare("text")).await.unwrap(), "räksmörgås".as_bytes());
}

async fn a_revision_that_moved_on_is_none(w: World) {
    let key = numbered(1);
    w.customer.insert(&key, Some(b"one"));
    let first = w.revision(&key).await;
    w.customer.touch(&key);
    assert_eq!(w.read_from(&key, first, 0).await, None);
    let second = w.revision(&key).await;
    w.customer.delete(&key);
    assert_eq!(w.read_from(&key, second, 0).await, None);
    w.customer.insert(&key, Some(b"one"));
    assert_eq!(w.read_from(&key, second, 0).await, None);
}

/// A read in one snapshot goes on to its end; one in windows ends where the row has moved on. Neither has a byte of another revision.
async fn a_read_that_has_begun_has_only_bytes_of_its_revision(w: World) {
    let (key, old) = (numbered(1), content(3 << 20, 1));
    w.customer.insert(&key, Some(&old));
    let revision = w.revision(&key).await;
    let mut portions = w.sql.open(&key, revision, 0, 64 << 10).await.unwrap().unwrap();
    let mut read = portions.next().await.unwrap().unwrap().to_vec();
    for seed in 2..6 {
        w.customer.set_content(&key, Some(&content(3 << 20, seed)));
        let staged = w.stage(&content(2 << 20, seed)).await;
        done(w.commit(&key, store_of(NewContent::Staged(staged))).await);
    }
    w.delete(&key).await;
    let mut moved = false;
    while let Some(portion) = portions.next().await {
        match portion {
            Ok(portion) => read.extend(portion),
            Err(Interrupted::Moved) => moved = true,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(old.starts_with(&read) && (moved || read.len() == old.len()), "{} bytes", read.len());
    assert_eq!(w.holder(&key).await, Holder::NoDocument);
}

async fn readers_that_go_away_in_the_middle_hold_nothing(w: World) {
    let (key, bytes) = (numbered(1), content(1 << 20, 1));
    w.customer.insert(&key, Some(&bytes));
    let revision = w.revision(&key).await;
    // More than there are connections.
    for _ in 0..40 {
        let mut portions = w.sql.open(&key, revision, 0, 1 << 10).await.unwrap().unwrap();
        portions.next().await.unwrap().unwrap();
    }
    assert_eq!(w.read(&key).await.unwrap(), bytes);
}

async fn two_hundred_mebibytes_pass_through_in_portions(w: World) {
    const PIECES: usize = 200;
    let (key, epoch) = (numbered(1), w.sql.state().await.unwrap().epoch);
    let (mut staging, mut written) = (w.sql.stage(epoch).await.unwrap(), ContentHasher::default());
    for number in 0..PIECES {
        let piece = content(1 << 20, number as u8);
        written.update(&piece);
        staging.append(piece.into()).await.unwrap();
    }
    let staged = staging.finish(written.finish()).await.unwrap();
    let expected = staged.content.clone();
    done(w.commit(&key, store_of(NewContent::Staged(staged))).await);
    let (revision, mut read) = (w.revision(&key).await, ContentHasher::default());
    let mut portions = w.sql.open(&key, revision, 0, 1 << 20).await.unwrap().unwrap();
    while let Some(portion) = portions.next().await {
        let portion = portion.unwrap();
        assert!(portion.len() <= 1 << 20);
        read.update(&portion);
    }
    assert_eq!(read.finish(), expected);
    assert_eq!(w.row(&key).await.length_bytes(), (PIECES as u64) << 20);
}

on_every_backend!(
    content_comes_out_exactly_from_any_offset,
    a_portion_is_never_larger_than_asked,
    text_in_the_content_column_is_its_bytes,
    a_revision_that_moved_on_is_none,
    a_read_that_has_begun_has_only_bytes_of_its_revision,
    readers_that_go_away_in_the_middle_hold_nothing,
    two_hundred_mebibytes_pass_through_in_portions,
);
