//! Random changes by everybody, against an oracle that knows nothing but what was last written and where.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use sluss::model::content::Fingerprint;
use sluss::model::document::Holder;
use sluss::model::id::{DocKey, ObjectId};
use sluss::model::location::Labels;
use sluss::model::phase::Phase;
use sluss::model::stamp::Stamp;
use sluss::store::sql::{Change, Copied, NewContent, UploadPurpose};

use crate::support::{World, content, done, inline, lettered, moved, numbered, point_of, store_of};

#[derive(Debug, Clone)]
enum Step {
    Store { length: usize, staged: bool },
    Point { length: usize },
    Copy,
    WriteBack { staged: bool },
    Delete,
    Flip(Phase),
    Theirs(Write),
}

/// What the customer's programs do straight in SQL.
#[derive(Debug, Clone)]
enum Write {
    Replace { length: Option<usize> },
    SetContent { length: Option<usize> },
    Touch,
    Delete,
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let length = || prop_oneof![Just(0_usize), 1..2000_usize, Just(150_000_usize)];
    let maybe = || prop_oneof![Just(None), length().prop_map(Some)];
    let theirs = prop_oneof![
        maybe().prop_map(|length| Write::Replace { length }),
        maybe().prop_map(|length| Write::SetContent { length }),
        Just(Write::Touch),
        Just(Write::Delete),
    ];
    let phase = prop_oneof![Just(Phase::Sql), Just(Phase::Shadow), Just(Phase::Dual), Just(Phase::Object)];
    let step = prop_oneof![
        3 => (length(), any::<bool>()).prop_map(|(length, staged)| Step::Store { length, staged }),
        4 => length().prop_map(|length| Step::Point { length }),
        4 => Just(Step::Copy),
        4 => any::<bool>().prop_map(|staged| Step::WriteBack { staged }),
        1 => Just(Step::Delete),
        3 => phase.prop_map(Step::Flip),
        5 => theirs.prop_map(Step::Theirs),
    ];
    prop::collection::vec((any::<bool>(), step), 1..40)
}

/// What one document has to be now.
#[derive(Debug, Clone)]
struct Known {
    holder: Holder,
    bytes: Vec<u8>,
    stamp: Option<Stamp>,
}

struct Oracle {
    world: World,
    known: HashMap<DocKey, Known>,
    objects: HashMap<ObjectId, Vec<u8>>,
    stamps: HashSet<Stamp>,
    seed: u8,
}

impl Oracle {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        self.seed = self.seed.wrapping_add(1);
        content(length, self.seed)
    }

    fn known(&self, key: &DocKey) -> Known {
        let none = Known { holder: Holder::NoDocument, bytes: Vec::new(), stamp: None };
        self.known.get(key).cloned().unwrap_or(none)
    }

    /// A content that did not exist before: its name must not have either.
    async fn renewed(&mut self, key: &DocKey, holder: Holder, bytes: Vec<u8>) {
        let stamp = self.world.stamp(key).await.expect("a content has a name");
        assert!(self.stamps.insert(stamp.clone()), "{stamp} names a second content");
        self.known.insert(key.clone(), Known { holder, bytes, stamp: Some(stamp) });
    }

    fn emptied(&mut self, key: &DocKey, holder: Holder) {
        self.known.insert(key.clone(), Known { holder, bytes: Vec::new(), stamp: None });
    }

    fn moved_to(&mut self, key: &DocKey, holder: Holder) {
        self.known.get_mut(key).expect("the document is known").holder = holder;
    }

    async fn new_content(&self, bytes: &[u8], staged: bool) -> NewContent {
        if staged { NewContent::Staged(self.world.stage(bytes).await) } else { inline(bytes) }
    }

    async fn apply(&mut self, key: &DocKey, step: Step) {
        let phase = self.world.sql.state().await.unwrap().phase;
        match step {
            Step::Store { length, staged } => {
                let bytes = self.bytes(length);
                let new = self.new_content(&bytes, staged).await;
                let created = done(self.world.commit(key, store_of(new)).await).created;
                assert_eq!(created, self.known(key).stamp.is_none());
                self.renewed(key, Holder::Sql, bytes).await;
            }
            Step::Point { length } if length > 0 && phase == Phase::Object => {
                let (bytes, object) = (self.bytes(length), self.world.upload(UploadPurpose::Write).await);
                self.objects.insert(object.id, bytes.clone());
                done(self.world.commit(key, point_of(object, &bytes)).await);
                self.renewed(key, Holder::Object, bytes).await;
            }
            Step::Copy if phase != Phase::Sql => self.copy(key).await,
            Step::Point { .. } | Step::Copy => {}
            Step::WriteBack { staged } => self.write_back(key, staged).await,
            Step::Delete if self.known(key).holder == Holder::NoDocument => {}
            Step::Delete => {
                self.world.delete(key).await;
                self.emptied(key, Holder::NoDocument);
            }
            Step::Flip(to) => self.world.flip_to(to).await,
            Step::Theirs(write) => self.theirs(key, write).await,
        }
    }

    /// The copy agent, which uploads nothing where the location has the same bytes already.
    async fn copy(&mut self, key: &DocKey) {
        let row = self.world.row(key).await;
        let Some(document) = row.document.as_ref().filter(|_| self.known(key).holder == Holder::Sql) else { return };
        let (seen, bytes) = (document.revision, self.world.read(key).await.unwrap());
        let print = Fingerprint::of(&bytes);
        let copied = match row.location.as_ref().filter(|location| location.content == print) {
            Some(same) => Copied::SameAs(same.object.clone()),
            None if bytes.is_empty() => Copied::Uploaded(None, Labels::default()),
            None => {
                let object = self.world.upload(UploadPurpose::Copy).await;
                self.objects.insert(object.id, bytes);
                Copied::Uploaded(Some(object), Labels::default())
            }
        };
        done(self.world.commit(key, Change::Publish { seen, copied, content: print.clone() }).await);
        moved(&self.world.commit(key, Change::Publish { seen, copied: Copied::Uploaded(None, Labels::default()), content: print }).await);
        self.moved_to(key, Holder::Both);
    }

    async fn write_back(&mut self, key: &DocKey, staged: bool) {
        let Known { holder, bytes, stamp } = self.known(key);
        let Some(seen) = stamp else { return };
        let new = self.new_content(&bytes, staged).await;
        let commit = self.world.commit(key, Change::WriteBack { seen, content: new }).await;
        if holder == Holder::Object {
            done(commit);
            self.moved_to(key, Holder::Both);
        } else {
            moved(&commit);
        }
    }

    async fn theirs(&mut self, key: &DocKey, write: Write) {
        let Known { holder, bytes, .. } = self.known(key);
        let customer = std::sync::Arc::clone(&self.world.customer);
        match write {
            Write::Replace { length } => {
                let bytes = length.map(|length| self.bytes(length));
                customer.replace(key, bytes.as_deref());
                self.written(key, bytes).await;
            }
            Write::SetContent { length: None } if holder == Holder::Object => customer.set_content(key, None),
            Write::SetContent { .. } | Write::Touch if holder == Holder::NoDocument => {}
            Write::SetContent { length } => {
                let bytes = length.map(|length| self.bytes(length));
                customer.set_content(key, bytes.as_deref());
                self.written(key, bytes).await;
            }
            Write::Touch => {
                customer.touch(key);
                if matches!(holder, Holder::Sql | Holder::Both) {
                    self.renewed(key, Holder::Sql, bytes).await;
                }
            }
            Write::Delete => {
                customer.delete(key);
                self.emptied(key, Holder::NoDocument);
            }
        }
        self.put_right(key).await;
    }

    async fn written(&mut self, key: &DocKey, bytes: Option<Vec<u8>>) {
        match bytes {
            Some(bytes) => self.renewed(key, Holder::Sql, bytes).await,
            None => self.emptied(key, Holder::NoContent),
        }
    }

    /// What a sweep would do with the row.
    async fn put_right(&self, key: &DocKey) {
        let row = self.world.row(key).await;
        let Some(repair) = row.truth().repair else { return };
        let seen = row.document.expect("a repair is about a row").revision;
        done(self.world.commit(key, Change::Repair { seen, repair }).await);
    }

    async fn check(&self, key: &DocKey) {
        let (row, known) = (self.world.row(key).await, self.known(key));
        let truth = row.truth();
        assert_eq!((truth.holder, truth.stamp, truth.repair), (known.holder, known.stamp, None));
        assert_eq!(row.length_bytes(), known.bytes.len() as u64);
        if matches!(known.holder, Holder::Sql | Holder::Both) {
            assert_eq!(self.world.read(key).await.unwrap(), known.bytes);
        }
        if matches!(known.holder, Holder::Object | Holder::Both) {
            let location = row.location.unwrap();
            assert_eq!(location.content, Fingerprint::of(&known.bytes));
            let stored = location.object.map(|object| self.objects[&object.id].clone());
            assert_eq!(stored.unwrap_or_default(), known.bytes);
        }
    }

    /// The figures were kept by the commits alone, so they are right only where nobody wrote around us.
    async fn check_figures(&self) {
        let tally = self.world.sql.tally().await.unwrap();
        let mut counted = sluss::store::sql::Tally::default();
        for key in self.known.keys() {
            counted.count(&self.world.row(key).await);
        }
        assert_eq!(tally, counted);
    }
}

async fn run(steps: Vec<(bool, Step)>) {
    let world = crate::support::sqlite::world().await;
    let mut oracle = Oracle { world, known: HashMap::new(), objects: HashMap::new(), stamps: HashSet::new(), seed: 0 };
    let keys = [numbered(1), lettered("Anna")];
    let only_ours = !steps.iter().any(|(_, step)| matches!(step, Step::Theirs(_)));
    for (second, step) in steps {
        oracle.apply(&keys[usize::from(second)], step).await;
        for key in &keys {
            oracle.check(key).await;
        }
    }
    if only_ours {
        oracle.check_figures().await;
    }
}

/// Enough for every pair of steps to meet several times.
const CASES: u32 = 64;

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_the_row_says_where_the_last_content_is(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(steps));
    }

    #[test]
    fn the_figures_follow_whatever_we_do(steps in steps()) {
        let ours = steps.into_iter().filter(|(_, step)| !matches!(step, Step::Theirs(_))).collect();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(ours));
    }
}
