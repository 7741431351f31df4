//! Any range of a document over HTTP is the slice that RFC 9110 says, whichever store it comes from.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sluss::model::phase::Phase;
use tokio::runtime::Runtime;

use super::house::{House, MIB, content, document};
use super::support::customers::ACME;
use super::wire::{Answer, Ask, Wire};

const LENGTH: u64 = 3 * MIB + 5;

#[derive(Debug, Clone, Copy)]
enum Wish {
    Between(u64, u64),
    From(u64),
    Last(u64),
}

impl Wish {
    fn header(self) -> String {
        match self {
            Self::Between(first, last) => format!("bytes={first}-{last}"),
            Self::From(first) => format!("bytes={first}-"),
            Self::Last(length) => format!("bytes=-{length}"),
        }
    }

    /// By the words of the RFC, written down a second time.
    fn check(self, whole: &[u8], answer: &Answer) {
        let all = LENGTH as usize;
        let (from, to) = match self {
            Self::Between(first, last) if last < first => (0, all),
            Self::Between(first, last) => (first as usize, (last as usize + 1).min(all)),
            Self::From(first) => (first as usize, all),
            Self::Last(length) => (all.saturating_sub(length as usize), all),
        };
        if from >= to {
            assert_eq!((answer.status, answer.header("content-range")), (416, &*format!("bytes */{LENGTH}")), "{self:?}: {answer:?}");
            return;
        }
        if matches!(self, Self::Between(first, last) if last < first) {
            assert_eq!((answer.status, answer.header("content-range")), (200, ""), "{self:?}: {answer:?}");
        } else {
            let expected = format!("bytes {from}-{}/{LENGTH}", to - 1);
            assert_eq!((answer.status, answer.header("content-range")), (206, &*expected), "{self:?}: {answer:?}");
        }
        assert!(answer.whole && answer.body == whole[from..to], "{self:?}: {answer:?}");
    }
}

/// Positions anywhere, and more often where something ends: pieces, portions, the document.
fn position() -> impl Strategy<Value = u64> {
    let edges = [0, 64 << 10, MIB / 2, MIB, 2 * MIB, 3 * MIB, LENGTH];
    let near_an_edge = (proptest::sample::select(edges.to_vec()), -2_i64..=2).prop_map(|(edge, off)| edge.saturating_add_signed(off));
    prop_oneof![near_an_edge, 0..LENGTH + 10]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        4 => (position(), position()).prop_map(|(first, last)| Wish::Between(first, last)),
        1 => position().prop_map(Wish::From),
        1 => position().prop_map(Wish::Last),
    ]
}

#[test]
fn any_range_is_the_slice_that_it_names() {
    let runtime = Runtime::new().unwrap();
    let (whole, path) = (content(1, LENGTH), document(&ACME, "1"));
    let (house, wire) = runtime.block_on(async {
        let house = House::in_phase(Phase::Dual).await;
        house.plant(&path, whole.clone()).await;
        house.settle(&ACME).await;
        let wire = Wire::open(house.documents).await;
        (house, std::cell::RefCell::new(wire))
    });
    TestRunner::new(ProptestConfig::with_cases(96))
        .run(&wish(), |wish| {
            let request = Ask::get(&path).with("Range", wish.header());
            let answer = runtime.block_on(wire.borrow_mut().ask(&request));
            wish.check(&whole, &answer);
            Ok(())
        })
        .unwrap();
    drop(wire);
    runtime.block_on(house.close());
}
