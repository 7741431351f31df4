//! Two processes and the customer on one database: every acknowledged change is there, and nobody is told to come back later.

use futures_util::future::join_all;
use sluss::model::document::Holder;
use sluss::model::phase::Phase;
use sluss::store::sql::{Commit, NewContent, UploadPurpose};

use crate::support::{World, content, done, if_match, inline, numbered, point_of, store_of};

async fn no_acknowledged_write_of_two_processes_is_lost(w: World) {
    const WRITERS: u8 = 6;
    let key = numbered(1);
    w.store(&key, &[0; WRITERS as usize]).await;
    let epoch = w.sql.state().await.unwrap().epoch;
    // Each writer counts its own byte up, twenty times, by If-Match: a lost write would be a lost count.
    let writers = (0..WRITERS).map(|number| {
        let (sql, key) = (if number % 2 == 0 { &w.sql } else { &w.peer.sql }, key.clone());
        async move {
            let mut written = 0;
            while written < 20 {
                let row = sql.row(&key).await.unwrap();
                let mut bytes = row.inline.clone().unwrap().to_vec();
                bytes[usize::from(number)] += 1;
                let change = sluss::store::sql::Change::Store {
                    content: inline(&bytes),
                    attributes: sluss::store::sql::NewAttributes::default(),
                    precondition: if_match(&row.truth().stamp.unwrap()),
                };
                match sql.commit(&key, epoch, change).await.unwrap() {
                    Commit::Done(_) => written += 1,
                    Commit::Unmet(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    });
    join_all(writers).await;
    assert_eq!(w.read(&key).await.unwrap(), [20; WRITERS as usize]);
}

async fn large_and_small_commits_of_two_processes_pass_each_other(w: World) {
    let epoch = w.sql.state().await.unwrap().epoch;
    let writers = (0..8_i64).map(|number| {
        let (world, sql) = (&w, if number % 2 == 0 { &w.sql } else { &w.peer.sql });
        async move {
            for round in 0..8_u8 {
                let (key, seed) = (numbered(number), round ^ number as u8);
                let large = number < 3;
                let bytes = content(if large { 3 << 20 } else { 500 }, seed);
                let new = if large { NewContent::Staged(world.stage(&bytes).await) } else { inline(&bytes) };
                let committed = done(sql.commit(&key, epoch, store_of(new)).await.unwrap());
                let row = world.row(&key).await;
                assert_eq!(row.truth().stamp, committed.stamp);
                assert_eq!(world.read(&key).await.unwrap(), bytes);
            }
        }
    });
    join_all(writers).await;
}

async fn of_two_writes_at_once_the_later_one_stands_whole(w: World) {
    w.flip_to(Phase::Object).await;
    let (key, epoch) = (numbered(1), w.sql.state().await.unwrap().epoch);
    for round in 0..20_u8 {
        let object = w.upload(UploadPurpose::Write).await;
        let (stored, pointed) = (content(1000, round), content(2000, round));
        let (one, two) = futures_util::future::join(
            w.sql.commit(&key, epoch, store_of(inline(&stored))),
            w.peer.sql.commit(&key, epoch, point_of(object.clone(), &pointed)),
        )
        .await;
        let stamps = [done(one.unwrap()).stamp, done(two.unwrap()).stamp];
        let row = w.row(&key).await;
        assert!(stamps.contains(&row.truth().stamp));
        match row.truth().holder {
            Holder::Sql => assert_eq!(w.read(&key).await.unwrap(), stored),
            Holder::Object => assert_eq!(row.location.unwrap().object, Some(object)),
            other => panic!("{other:?}"),
        }
    }
}

async fn the_customers_writes_and_ours_mix(w: World) {
    let (customer, key) = (std::sync::Arc::clone(&w.customer), numbered(1));
    w.store(&key, b"start").await;
    let theirs = tokio::task::spawn_blocking(move || {
        for seed in 0..50 {
            customer.set_content(&numbered(1), Some(&content(100_000, seed)));
        }
    });
    let mut last = 0;
    for round in 0..50_u8 {
        w.store(&numbered(2), &content(100, round)).await;
        let revision = w.revision(&key).await;
        assert!(revision.0 >= last);
        last = revision.0;
        if let Some(bytes) = w.read_from(&key, revision, 0).await {
            assert!((0..50).any(|seed| bytes == content(100_000, seed)) || bytes == b"start");
        }
    }
    theirs.await.unwrap();
    assert_eq!(w.read(&key).await.unwrap(), content(100_000, 49));
}

on_every_backend!(
    no_acknowledged_write_of_two_processes_is_lost,
    large_and_small_commits_of_two_processes_pass_each_other,
    of_two_writes_at_once_the_later_one_stands_whole,
    the_customers_writes_and_ours_mix,
);
