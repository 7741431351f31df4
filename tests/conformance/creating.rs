//! New rows whose ids the database gives: counted, drawn, made by a default or a trigger; and constraints, which refuse them as they refuse any write.

use sluss::model::document::Holder;
use sluss::model::id::{DocId, DocKey};
use sluss::model::job::{JobKind, JobState, Priority};
use sluss::model::phase::Phase;
use sluss::model::precondition::Precondition;
use sluss::model::stamp::Epoch;
use sluss::store::settings::TenantSettings;
use sluss::store::sql::{Change, Commit, Inserted, Insertion, NewAttributes, NewContent, NewDocument};

use crate::support::{
    COUNTED, DRAWN, FUSSY, ORPHANS, SPOKEN, World, bare, content, done, guid, inline, lettered, moved, of, shared, sqlite,
};

/// Makes each case a test of both backends, in a world that has these collections besides.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let settings = super::with_more(crate::support::sqlite::all_collections(), crate::support::sqlite::collection);
                    super::$case(crate::support::sqlite::world_with(&settings).await).await;
                }
            )+
        }
        mod on_mssql {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let world = crate::support::mssql::world_with(|settings| super::with_more(settings, crate::support::mssql::collection));
                    super::$case(world.await).await;
                }
            )+
        }
    };
}

fn with_more(settings: TenantSettings, collection: fn(&str) -> sluss::config::CollectionConfig) -> TenantSettings {
    let mut collections = settings.collections;
    collections.extend([COUNTED, DRAWN, SPOKEN, FUSSY, ORPHANS].map(collection));
    TenantSettings { collections, ..settings }
}

fn named(file_name: Option<&str>) -> NewAttributes {
    NewAttributes { media_type: Some("text/plain".to_owned()), file_name: file_name.map(str::to_owned), all: false }
}

async fn insert_with(w: &World, collection: &str, content: NewContent, attributes: NewAttributes) -> Insertion {
    let epoch = w.sql.state().await.unwrap().epoch;
    w.sql.insert(&collection.parse().unwrap(), epoch, NewDocument { content, attributes }).await.unwrap()
}

async fn insert(w: &World, collection: &str, bytes: &[u8]) -> DocKey {
    match insert_with(w, collection, inline(bytes), NewAttributes::default()).await {
        Insertion::Done(Inserted { id, stamp }) => {
            let key = of(collection, &id);
            let row = w.row(&key).await;
            assert_eq!((&row.key, row.truth().stamp), (&key, stamp), "the answer is not what the row says");
            key
        }
        Insertion::Refused(refusal) => panic!("{collection}: {refusal:?}"),
    }
}

fn refused(ended: Insertion) -> String {
    match ended {
        Insertion::Refused(Commit::Refused(words)) => words,
        other => panic!("not refused by the database: {other:?}"),
    }
}

async fn every_id_is_the_databases_own_and_leads_to_the_content(w: World) {
    for collection in [COUNTED, DRAWN, SPOKEN] {
        let one = insert(&w, collection, b"one").await;
        let other = insert(&w, collection, b"other").await;
        assert_ne!(one.id, other.id);
        assert_eq!((w.read(&one).await.unwrap(), w.read(&other).await.unwrap()), (b"one".to_vec(), b"other".to_vec()));
        assert_eq!(w.customer.content(&one).unwrap(), b"one", "{one}");
        // As a client spells it, which knows the id from the answer.
        let kind = sqlite::collection(collection).id_kind;
        let asked = of(collection, &DocId::parse(kind, &one.id.to_string()).unwrap());
        assert_eq!(w.row(&asked).await.key, one);
        assert_eq!(w.sql.scan(&one.collection, None, 10).await.unwrap().rows.len(), 2);
    }
}

async fn a_trigger_that_counts_for_itself_and_changes_the_row_again_is_part_of_it(w: World) {
    let first = insert(&w, COUNTED, b"x").await;
    assert_eq!(first.id, DocId::Integer(1), "not the number that the trigger's own table counted");
    let column = |name| w.customer.column(&first, name).unwrap();
    assert_eq!((column("writer").as_str(), column("kind").as_str()), ("trigger", "o'clock"));
}

async fn large_content_and_attributes_come_with_the_row(w: World) {
    let bytes = content(1_300_000, 7);
    for collection in [COUNTED, DRAWN, SPOKEN] {
        let staged = w.stage(&bytes).await;
        let ended = insert_with(&w, collection, NewContent::Staged(staged.clone()), named(Some("a.txt"))).await;
        let Insertion::Done(Inserted { id, stamp }) = ended else { panic!("{collection}: {ended:?}") };
        let (key, row) = (of(collection, &id), w.row(&of(collection, &id)).await);
        assert_eq!((row.truth().holder, row.truth().stamp.clone()), (Holder::Sql, stamp), "{key}");
        let attributes = row.document.unwrap().attributes;
        assert_eq!((attributes.media_type.as_deref(), attributes.file_name.as_deref()), (Some("text/plain"), Some("a.txt")), "{key}");
        assert!(w.read(&key).await.unwrap() == bytes, "{key}");
        assert_eq!(w.customer.staged_pieces(), 0);
        let again = insert_with(&w, collection, NewContent::Staged(staged), NewAttributes::default()).await;
        let Insertion::Refused(refusal) = again else { panic!("one attempt made two rows") };
        moved(&refusal);
    }
}

async fn a_new_row_is_as_one_that_the_application_inserted_in_every_phase(w: World) {
    for phase in Phase::ALL {
        w.flip_to(phase).await;
        for collection in [COUNTED, DRAWN, SPOKEN] {
            let key = insert(&w, collection, b"new").await;
            let row = w.row(&key).await;
            assert_eq!((row.truth().holder, row.truth().repair, row.location.is_some()), (Holder::Sql, None, false), "{key} in {phase}");
            assert!(w.customer.versions(&key).is_empty());
            let wanted = if phase == Phase::Sql { vec![] } else { vec![(JobKind::Copy, Priority::Access, JobState::Ready)] };
            assert_eq!(w.jobs_of(&key).await, wanted, "{key} in {phase}");
            if phase != Phase::Sql {
                w.copy(&key).await;
                assert_eq!(w.holder(&key).await, Holder::Both, "{key} in {phase}");
            }
        }
    }
}

async fn the_empty_document_is_one_and_is_counted(w: World) {
    for (collection, holder) in [(COUNTED, Holder::Sql), (DRAWN, Holder::EmptyDocument), (SPOKEN, Holder::Sql)] {
        let key = insert(&w, collection, b"").await;
        assert_eq!(w.holder(&key).await, holder, "{key}");
        let full = insert(&w, collection, b"12345").await;
        assert_eq!(w.holder(&full).await, Holder::Sql, "{full}");
    }
    let tally = w.sql.tally().await.unwrap();
    assert_eq!((tally.sql.documents, tally.sql.bytes, tally.object.documents), (5, 15, 1));
}

async fn where_no_default_gives_an_id_the_row_is_refused_and_nothing_is_left(w: World) {
    for key in [bare("a"), guid("6f9619ff-8b86-d011-b42d-00cf4fc964ff"), lettered("a")] {
        let staged = w.stage(b"staged").await;
        for content in [inline(b"x"), NewContent::Staged(staged)] {
            refused(insert_with(&w, key.collection.as_str(), content, NewAttributes::default()).await);
        }
        assert!(w.sql.scan(&key.collection, None, 10).await.unwrap().rows.is_empty());
    }
    assert!(w.all_jobs().await.is_empty());
}

async fn nothing_is_inserted_where_the_application_does_or_out_of_turn(w: World) {
    let ended = insert_with(&w, "shared", inline(b"x"), NewAttributes::default()).await;
    assert!(matches!(ended, Insertion::Refused(Commit::Absent)), "{ended:?}");
    assert!(w.row(&shared(1)).await.document.is_none());

    let counted = COUNTED.parse().unwrap();
    let new = || NewDocument { content: inline(b"x"), attributes: NewAttributes::default() };
    let old = w.sql.insert(&counted, Epoch(w.sql.state().await.unwrap().epoch.0 + 1), new()).await.unwrap();
    assert!(matches!(old, Insertion::Refused(Commit::Moved)), "{old:?}");
    w.sql.set_read_only(true).await.unwrap();
    let ended = insert_with(&w, COUNTED, inline(b"x"), NewAttributes::default()).await;
    assert!(matches!(ended, Insertion::Refused(Commit::ReadOnly)), "{ended:?}");
    w.sql.set_read_only(false).await.unwrap();
    assert!(w.sql.scan(&counted, None, 10).await.unwrap().rows.is_empty());
}

/// A CHECK, NOT NULL, a unique name and a foreign key, for a row that is made and for one that is written.
async fn every_kind_of_constraint_refuses_new_rows_and_writes_alike(w: World) {
    let store = |file_name: Option<&str>| {
        let attributes = NewAttributes { file_name: file_name.map(str::to_owned), ..NewAttributes::default() };
        Change::Store { content: inline(b"new"), attributes, precondition: Precondition::default() }
    };
    refused(insert_with(&w, COUNTED, inline(b"x"), named(Some("forbidden.txt"))).await);
    let counted = insert(&w, COUNTED, b"x").await;
    assert!(matches!(w.commit(&counted, store(Some("forbidden.txt"))).await, Commit::Refused(_)));

    refused(insert_with(&w, FUSSY, inline(b"x"), named(None)).await);
    assert!(matches!(insert_with(&w, FUSSY, inline(b"x"), named(Some("taken.txt"))).await, Insertion::Done(_)));
    refused(insert_with(&w, FUSSY, inline(b"x"), named(Some("taken.txt"))).await);
    let Insertion::Done(Inserted { id, .. }) = insert_with(&w, FUSSY, inline(b"x"), named(Some("free.txt"))).await else {
        panic!("refused")
    };
    assert!(matches!(w.commit(&of(FUSSY, &id), store(Some("taken.txt"))).await, Commit::Refused(_)));
    done(w.commit(&of(FUSSY, &id), store(Some("other.txt"))).await);

    let words = refused(insert_with(&w, ORPHANS, inline(b"x"), NewAttributes::default()).await);
    assert!(words.to_uppercase().contains("FOREIGN KEY"), "{words}");
    // On SQL Server that is an id of one's own where the table counts.
    let orphan = of(ORPHANS, &DocId::Integer(7));
    assert!(matches!(w.commit(&orphan, store(None)).await, Commit::Refused(_)));
    assert!(w.row(&orphan).await.document.is_none());
}

on_both!(
    every_id_is_the_databases_own_and_leads_to_the_content,
    a_trigger_that_counts_for_itself_and_changes_the_row_again_is_part_of_it,
    large_content_and_attributes_come_with_the_row,
    a_new_row_is_as_one_that_the_application_inserted_in_every_phase,
    the_empty_document_is_one_and_is_counted,
    where_no_default_gives_an_id_the_row_is_refused_and_nothing_is_left,
    nothing_is_inserted_where_the_application_does_or_out_of_turn,
    every_kind_of_constraint_refuses_new_rows_and_writes_alike,
);
