//! Look-ups, and a client's writes into SQL.

use sluss::model::content::Fingerprint;
use sluss::model::document::{Holder, SqlContent};
use sluss::model::id::DocKey;
use sluss::model::precondition::{HttpDate, Precondition, Unmet};
use sluss::model::stamp::Stamp;
use sluss::store::sql::{Change, Commit, NewAttributes, NewContent};

use crate::support::{World, bare, content, done, if_absent, if_match, inline, lettered, moved, numbered, store_of};

async fn an_absent_document_has_no_row(w: World) {
    for key in [numbered(1), lettered("none"), bare("none")] {
        let row = w.row(&key).await;
        assert_eq!((row.key.clone(), row.truth().holder), (key, Holder::NoDocument));
        assert!(row.document.is_none() && row.location.is_none() && row.inline.is_none() && !row.truth().visible);
    }
}

async fn null_and_empty_and_bytes_are_three_answers(w: World) {
    for (id, bytes) in [(1, None), (2, Some(&b""[..])), (3, Some(&b"bytes"[..]))] {
        w.customer.insert(&numbered(id), bytes);
        let row = w.row(&numbered(id)).await;
        assert_eq!(row.document.as_ref().unwrap().content, SqlContent::of_length(bytes.map(|bytes| bytes.len() as u64)));
        assert_eq!(row.inline.as_deref(), bytes);
        assert_eq!(row.truth().holder, if bytes.is_some() { Holder::Sql } else { Holder::NoContent });
    }
}

async fn small_content_rides_along_with_the_look_up_and_large_content_does_not(w: World) {
    for (id, length) in [(1, 64 << 10), (2, (64 << 10) + 1)] {
        w.customer.insert(&numbered(id), Some(&content(length, 1)));
        let row = w.row(&numbered(id)).await;
        assert_eq!(row.inline.as_deref(), (id == 1).then(|| content(length, 1)).as_deref());
        assert_eq!(row.length_bytes(), length as u64);
    }
}

async fn a_text_id_is_answered_in_the_rows_own_spelling(w: World) {
    w.customer.insert(&lettered("Straße 5"), Some(b"x"));
    assert_eq!(w.row(&lettered("STRAße 5")).await.key, lettered("Straße 5"));
    w.store(&lettered("straße 5"), b"by another spelling").await;
    let row = w.row(&lettered("straße 5")).await;
    assert_eq!((row.key, row.inline.as_deref()), (lettered("Straße 5"), Some(&b"by another spelling"[..])));
    w.customer.insert(&bare("Case"), Some(b"x"));
    assert_eq!(w.holder(&bare("case")).await, Holder::NoDocument);
}

async fn an_id_is_never_part_of_a_statement(w: World) {
    let odd = lettered(r#"it's "odd"; DROP TABLE documents; --"#);
    w.store(&odd, b"odd").await;
    assert_eq!(w.read(&odd).await.unwrap(), b"odd");
    assert_eq!(w.holder(&lettered("it")).await, Holder::NoDocument);
}

async fn a_tenant_that_was_not_initialised_is_a_clear_error(w: World) {
    w.customer.forget_the_tenant();
    let error = w.sql.row(&numbered(1)).await.unwrap_err().chain();
    assert!(error.contains("acme") && error.contains("sluss init"), "{error}");
    assert!(w.sql.state().await.unwrap_err().chain().contains("sluss init"));
}

async fn an_unknown_collection_is_a_clear_error(w: World) {
    let key = DocKey { collection: "nowhere".parse().unwrap(), ..numbered(1) };
    let error = w.sql.row(&key).await.unwrap_err().chain();
    assert!(error.contains("acme/nowhere") && error.contains("no such collection"), "{error}");
}

async fn a_store_creates_and_replaces_and_says_which(w: World) {
    for key in [numbered(7), lettered("seven"), bare("seven")] {
        let first = w.store(&key, b"one").await;
        assert!(first.created);
        let second = w.store(&key, b"two").await;
        assert!(!second.created);
        assert_ne!(first.stamp, second.stamp);
        let row = w.row(&key).await;
        let expected = Stamp::Row { epoch: row.state.epoch, revision: row.document.as_ref().unwrap().revision };
        assert_eq!((row.truth().stamp, second.stamp, row.truth().holder), (Some(expected.clone()), Some(expected), Holder::Sql));
        assert_eq!(w.customer.content(&key).unwrap(), b"two");
    }
}

async fn a_row_without_content_gets_its_first_by_a_store(w: World) {
    w.customer.insert(&numbered(1), None);
    assert!(w.store(&numbered(1), b"first").await.created);
    assert_eq!(w.read(&numbered(1)).await.unwrap(), b"first");
}

async fn staged_content_arrives_whole(w: World) {
    for (key, length) in [(numbered(1), 0), (numbered(2), 1), (lettered("three"), 1 << 20), (bare("four"), (3 << 20) + 17)] {
        let bytes = content(length, 4);
        for created in [true, false] {
            let staged = w.stage(&bytes).await;
            let committed = done(w.commit(&key, store_of(NewContent::Staged(staged))).await);
            assert_eq!((committed.created, committed.stamp), (created, w.stamp(&key).await));
            assert_eq!(w.read(&key).await.unwrap(), bytes, "{key}");
        }
    }
    assert_eq!(w.customer.staged_pieces(), 0);
}

async fn two_spellings_of_an_id_share_one_staged_content(w: World) {
    w.store(&lettered("Anna"), b"small").await;
    let bytes = content(2 << 20, 9);
    let staged = w.stage(&bytes).await;
    done(w.commit(&lettered("ANNA"), store_of(NewContent::Staged(staged))).await);
    assert_eq!(w.read(&lettered("anna")).await.unwrap(), bytes);
}

async fn an_attempt_that_is_not_whole_changes_nothing(w: World) {
    let key = numbered(1);
    w.store(&key, b"before").await;
    let stamp = w.stamp(&key).await;
    let epoch = w.sql.state().await.unwrap().epoch;
    // Said to be longer than what was appended.
    let mut staging = w.sql.stage(epoch).await.unwrap();
    staging.append(content(1000, 1).into()).await.unwrap();
    let short = staging.finish(Fingerprint::of(&content(1001, 1))).await.unwrap();
    moved(&w.commit(&key, store_of(NewContent::Staged(short))).await);
    // Said at the commit to be other content than at the end of the attempt.
    let mut other = w.stage(&content(1000, 1)).await;
    other.content = Fingerprint::of(&content(1000, 2));
    moved(&w.commit(&key, store_of(NewContent::Staged(other))).await);
    assert_eq!((w.stamp(&key).await, w.read(&key).await.unwrap()), (stamp, b"before".to_vec()));
}

async fn an_attempt_that_was_abandoned_cannot_be_committed(w: World) {
    let epoch = w.sql.state().await.unwrap().epoch;
    let staged = w.stage(b"whole").await;
    w.clock.advance(std::time::Duration::from_secs(7200));
    w.sql.condemned(std::time::Duration::from_secs(3600), 10).await.unwrap();
    moved(&w.commit(&numbered(1), store_of(NewContent::Staged(staged))).await);
    let mut staging = w.sql.stage(epoch).await.unwrap();
    staging.append(content(1000, 1).into()).await.unwrap();
    staging.abandon().await.unwrap();
    assert_eq!(w.customer.staged_pieces(), 0);
    assert_eq!(w.holder(&numbered(1)).await, Holder::NoDocument);
}

async fn an_attempt_of_another_epoch_is_void(w: World) {
    let staged = w.stage(b"from before the restore").await;
    w.customer.raise_epoch();
    moved(&w.commit(&numbered(1), store_of(NewContent::Staged(staged))).await);
    assert_eq!(w.holder(&numbered(1)).await, Holder::NoDocument);
}

async fn a_commit_of_another_epoch_moves_nothing(w: World) {
    let old = w.sql.state().await.unwrap().epoch;
    w.customer.raise_epoch();
    moved(&w.sql.commit(&numbered(1), old, store_of(inline(b"late"))).await.unwrap());
    assert_eq!(w.holder(&numbered(1)).await, Holder::NoDocument);
}

async fn a_precondition_is_checked_in_the_transaction(w: World) {
    let key = numbered(1);
    let store = |precondition: Precondition| Change::Store { content: inline(b"new"), attributes: NewAttributes::default(), precondition };
    let stale = w.store(&key, b"one").await.stamp.unwrap();
    let current = w.store(&key, b"two").await.stamp.unwrap();
    assert!(matches!(w.commit(&key, store(if_match(&stale))).await, Commit::Unmet(Unmet::IfMatch)));
    assert!(matches!(w.commit(&key, store(if_absent())).await, Commit::Unmet(Unmet::IfNoneMatch)));
    assert_eq!((w.stamp(&key).await, w.read(&key).await.unwrap()), (Some(current.clone()), b"two".to_vec()));
    done(w.commit(&key, store(if_match(&current))).await);
    assert!(matches!(w.commit(&numbered(2), store(if_match(&current))).await, Commit::Unmet(Unmet::IfMatch)));
    assert!(done(w.commit(&numbered(2), store(if_absent())).await).created);
}

async fn a_date_is_checked_in_the_transaction_where_the_row_has_one(w: World) {
    let store = |precondition: Precondition| Change::Store { content: inline(b"new"), attributes: NewAttributes::default(), precondition };
    let since = |seconds| Precondition { if_unmodified_since: HttpDate::of_seconds(seconds), ..Precondition::default() };
    assert!(done(w.commit(&numbered(1), store(since(0))).await).created, "what is not there was not modified");
    let modified = w.row(&numbered(1)).await.current().modified.unwrap().seconds();
    for change in [store(since(modified - 1)), Change::Delete { precondition: since(modified - 1) }] {
        assert!(matches!(w.commit(&numbered(1), change).await, Commit::Unmet(Unmet::IfUnmodifiedSince)));
    }
    done(w.commit(&numbered(1), store(since(modified))).await);
    w.store(&bare("no date"), b"one").await;
    done(w.commit(&bare("no date"), store(since(0))).await);
}

async fn a_constraint_of_the_customers_table_refuses_and_changes_nothing(w: World) {
    let attributes = NewAttributes { file_name: Some("forbidden.txt".to_owned()), ..NewAttributes::default() };
    let store = |content| Change::Store { content, attributes: attributes.clone(), precondition: Precondition::default() };
    w.store(&numbered(1), b"before").await;
    let stamp = w.stamp(&numbered(1)).await;
    for key in [numbered(1), numbered(2)] {
        let staged = NewContent::Staged(w.stage(&content(200_000, 3)).await);
        for content in [inline(b"refused"), staged] {
            let Commit::Refused(reason) = w.commit(&key, store(content)).await else { panic!("not refused") };
            assert!(reason.contains("CHECK"), "{reason}");
        }
    }
    assert_eq!((w.stamp(&numbered(1)).await, w.read(&numbered(1)).await.unwrap()), (stamp, b"before".to_vec()));
    assert_eq!(w.holder(&numbered(2)).await, Holder::NoDocument);
}

async fn attributes_that_a_store_does_not_give_stay_as_they_are(w: World) {
    for key in [numbered(1), lettered("a")] {
        let attributes = NewAttributes { media_type: Some("text/plain".to_owned()), file_name: Some("a.txt".to_owned()), all: false };
        let change = Change::Store { content: inline(b"one"), attributes, precondition: Precondition::default() };
        done(w.commit(&key, change).await);
        let attributes = NewAttributes { media_type: Some("text/html".to_owned()), ..NewAttributes::default() };
        let change = Change::Store { content: inline(b"two"), attributes, precondition: Precondition::default() };
        done(w.commit(&key, change).await);
        w.store(&key, b"three").await;
        let found = w.row(&key).await.document.unwrap().attributes;
        assert_eq!((found.media_type.as_deref(), found.file_name.as_deref()), (Some("text/html"), Some("a.txt")));
    }
}

async fn a_store_sets_the_time_in_the_form_of_the_customers_column(w: World) {
    for (key, form) in [(numbered(1), "2026-03-01 12:00:00"), (lettered("a"), "1772366400")] {
        w.store(&key, b"x").await;
        assert_eq!(w.customer.modified(&key).as_deref(), Some(form));
        let found = w.row(&key).await.document.unwrap().attributes.modified;
        assert_eq!(found, Some("2026-03-01T12:00:00Z".parse().unwrap()));
    }
    w.store(&bare("a"), b"x").await;
    assert_eq!(w.row(&bare("a")).await.document.unwrap().attributes, sluss::model::document::Attributes::default());
}

on_every_backend!(
    an_absent_document_has_no_row,
    null_and_empty_and_bytes_are_three_answers,
    small_content_rides_along_with_the_look_up_and_large_content_does_not,
    a_text_id_is_answered_in_the_rows_own_spelling,
    an_id_is_never_part_of_a_statement,
    a_tenant_that_was_not_initialised_is_a_clear_error,
    an_unknown_collection_is_a_clear_error,
    a_store_creates_and_replaces_and_says_which,
    a_row_without_content_gets_its_first_by_a_store,
    staged_content_arrives_whole,
    two_spellings_of_an_id_share_one_staged_content,
    an_attempt_that_is_not_whole_changes_nothing,
    an_attempt_that_was_abandoned_cannot_be_committed,
    an_attempt_of_another_epoch_is_void,
    a_commit_of_another_epoch_moves_nothing,
    a_precondition_is_checked_in_the_transaction,
    a_date_is_checked_in_the_transaction_where_the_row_has_one,
    a_constraint_of_the_customers_table_refuses_and_changes_nothing,
    attributes_that_a_store_does_not_give_stay_as_they_are,
    a_store_sets_the_time_in_the_form_of_the_customers_column,
);
