//! A read-only tenant: no client's change gets through, however far it has come, and the agents' work goes on.

use sluss::model::document::Holder;
use sluss::model::phase::Phase;
use sluss::model::precondition::Precondition;
use sluss::store::sql::{Change, Commit, Recorded, UploadPurpose};

use crate::support::{World, content, done, inline, mint, numbered, point_of, store_of};

impl World {
    async fn read_only(&self, on: bool) {
        self.sql.set_read_only(on).await.unwrap();
        assert_eq!(self.peer.sql.state().await.unwrap().read_only, on, "every process sees it with its next look");
        assert_eq!(self.row(&numbered(1)).await.state.read_only, on);
    }
}

fn refused(commit: &Commit) {
    assert!(matches!(commit, Commit::ReadOnly), "not refused: {commit:?}");
}

async fn no_clients_change_is_committed_in_any_phase(w: World) {
    w.store(&numbered(1), b"as it was").await;
    for phase in [Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object] {
        w.flip_to(phase).await;
        w.read_only(true).await;
        let before = w.row(&numbered(1)).await;
        for key in [numbered(1), numbered(2)] {
            refused(&w.commit(&key, store_of(inline(b"new"))).await);
            refused(&w.commit(&key, Change::Delete { precondition: Precondition::default() }).await);
        }
        assert_eq!(w.row(&numbered(1)).await.document, before.document);
        w.read_only(false).await;
        assert!(w.row(&numbered(2)).await.document.is_none());
    }
}

async fn a_write_that_is_under_way_when_it_begins_is_refused_and_its_upload_can_be_condemned(w: World) {
    w.store(&numbered(1), b"as it was").await;
    w.flip_to(Phase::Object).await;
    let (object, staged) = (w.upload(UploadPurpose::Write).await, w.stage(&content(700_000, 1)).await);
    w.read_only(true).await;
    let epoch = w.sql.state().await.unwrap().epoch;
    assert_eq!(w.sql.record_upload(&mint(), UploadPurpose::Write, epoch).await.unwrap(), Recorded::ReadOnly);
    refused(&w.commit(&numbered(1), point_of(object.clone(), b"new")).await);
    refused(&w.commit(&numbered(1), store_of(sluss::store::sql::NewContent::Staged(staged))).await);
    assert_eq!(w.read(&numbered(1)).await.unwrap(), b"as it was");
    w.sql.condemn_upload(object.id).await.unwrap();
    assert_eq!(w.sql.remaining().await.unwrap().open_uploads, 0);
}

async fn agents_copy_repair_and_write_back_all_the_same(w: World) {
    w.store(&numbered(1), b"copied").await;
    w.flip_to(Phase::Object).await;
    w.point(&numbered(2), b"sole").await;
    w.read_only(true).await;
    assert_eq!(w.sql.record_upload(&mint(), UploadPurpose::Copy, w.sql.state().await.unwrap().epoch).await.unwrap(), Recorded::Yes);
    w.copy(&numbered(1)).await;
    assert_eq!(w.holder(&numbered(1)).await, Holder::Both);
    w.customer.touch(&numbered(2));
    let row = w.row(&numbered(2)).await;
    let (seen, repair) = (row.document.unwrap().revision, w.row(&numbered(2)).await.truth().repair.expect("other columns changed"));
    done(w.commit(&numbered(2), Change::Repair { seen, repair }).await);
    let seen = w.stamp(&numbered(2)).await.unwrap();
    done(w.commit(&numbered(2), Change::WriteBack { seen, content: inline(b"sole") }).await);
    assert_eq!(w.holder(&numbered(2)).await, Holder::Both);
}

async fn a_flip_leaves_it_as_it_is(w: World) {
    w.read_only(true).await;
    w.flip_to(Phase::Shadow).await;
    assert!(w.sql.state().await.unwrap().read_only);
}

async fn a_tenant_that_is_not_there_is_not_said_to_be_read_only(w: World) {
    w.customer.forget_the_tenant();
    assert!(w.sql.set_read_only(true).await.unwrap_err().chain().contains("run `sluss init`"));
}

on_every_backend!(
    no_clients_change_is_committed_in_any_phase,
    a_write_that_is_under_way_when_it_begins_is_refused_and_its_upload_can_be_condemned,
    agents_copy_repair_and_write_back_all_the_same,
    a_flip_leaves_it_as_it_is,
    a_tenant_that_is_not_there_is_not_said_to_be_read_only,
);
