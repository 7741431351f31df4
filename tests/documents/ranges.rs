//! Any range of a document over HTTP is the slice that RFC 9110 says, whichever store it comes from.

use std::ops::Range;

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

    /// By the words of the RFC, written down a second time. A range the wrong way round asks for nothing less than the whole.
    fn slice(self) -> Range<usize> {
        let all = LENGTH as usize;
        match self {
            Self::Between(first, last) if last < first => 0..all,
            Self::Between(first, last) => first as usize..(last as usize + 1).min(all),
            Self::From(first) => first as usize..all,
            Self::Last(length) => all.saturating_sub(length as usize)..all,
        }
    }

    fn check(self, whole: &[u8], answer: &Answer) {
        let Range { start: from, end: to } = self.slice();
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
    TestRunner::new(ProptestConfig::with_cases(64))
        .run(&proptest::collection::vec(wish(), 2..6), |wishes| {
            let set = wishes.iter().map(|wish| wish.header().replace("bytes=", "")).collect::<Vec<_>>().join(",");
            let request = Ask::get(&path).with("Range", format!("bytes={set}"));
            let answer = runtime.block_on(wire.borrow_mut().ask(&request));
            check_several(&wishes, &whole, &answer);
            Ok(())
        })
        .unwrap();
    drop(wire);
    runtime.block_on(house.close());
}

/// The parts that are there, if no byte is in two of them.
fn check_several(wishes: &[Wish], whole: &[u8], answer: &Answer) {
    let is_odd = |wish: &Wish| matches!(wish, Wish::Between(first, last) if last < first);
    let slices: Vec<Range<usize>> = wishes.iter().map(|wish| wish.slice()).filter(|slice| slice.start < slice.end).collect();
    let disjoint =
        slices.iter().enumerate().all(|(at, one)| slices[at + 1..].iter().all(|other| one.end <= other.start || other.end <= one.start));
    match slices.as_slice() {
        _ if wishes.iter().any(is_odd) => assert_whole(whole, answer),
        [] => assert_eq!(answer.status, 416, "{wishes:?}: {answer:?}"),
        [only] => {
            assert_eq!((answer.status, answer.header("content-range")), (206, &*content_range(only)), "{wishes:?}");
            assert!(answer.whole && answer.body == whole[only.clone()], "{wishes:?}: {answer:?}");
        }
        _ if !disjoint => assert_whole(whole, answer),
        several => {
            assert_eq!((answer.status, answer.whole, answer.header("content-range")), (206, true, ""), "{wishes:?}: {answer:?}");
            assert!(parts(answer) == several.iter().map(|slice| (content_range(slice), whole[slice.clone()].to_vec())).collect::<Vec<_>>());
        }
    }
}

fn assert_whole(whole: &[u8], answer: &Answer) {
    assert_eq!((answer.status, answer.whole), (200, true), "{answer:?}");
    assert!(answer.body == whole, "{answer:?}");
}

fn content_range(slice: &Range<usize>) -> String {
    format!("bytes {}-{}/{LENGTH}", slice.start, slice.end - 1)
}

/// The parts of a `multipart/byteranges`, each with its `Content-Range`, read as RFC 2046 says.
fn parts(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    let boundary = answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let body = [b"\r\n", answer.body.as_slice()].concat();
    let mut places = memchr_all(&body, &delimiter);
    assert_eq!(&body[places.pop().unwrap() + delimiter.len()..], b"--\r\n");
    let ends = places.iter().skip(1).copied().chain([body.len() - delimiter.len() - 4]);
    let part = |(begin, end): (&usize, usize)| {
        let part = &body[begin + delimiter.len() + 2..end];
        let head_end = part.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&part[..head_end]).unwrap();
        let range = head.lines().find_map(|line| line.strip_prefix("Content-Range: ")).unwrap();
        assert!(head.lines().any(|line| line == "Content-Type: text/plain"), "{head}");
        (range.to_owned(), part[head_end + 4..].to_vec())
    };
    places.iter().zip(ends).map(part).collect()
}

fn memchr_all(text: &[u8], wanted: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == wanted[0]) {
        from += at;
        if text[from..].starts_with(wanted) {
            found.push(from);
        }
        from += 1;
    }
    found
}

/// A part that fails to come from the preferred holder comes from the other, in the middle of an answer.
#[tokio::test]
async fn parts_of_a_document_whose_object_goes_between_them_come_from_sql() {
    let house = House::in_phase(Phase::Dual).await;
    let (path, whole) = (document(&ACME, "1"), content(2, LENGTH));
    house.plant(&path, whole.clone()).await;
    house.settle(&ACME).await;
    for file in house.object_files(&ACME) {
        std::fs::remove_file(file).unwrap();
    }
    let answer = house.ask(&Ask::get(&path).with("Range", "bytes=0-9,2000000-2999999,-5")).await;
    assert_eq!((answer.status, answer.whole, answer.header("served-from")), (206, true, "sql"), "{answer:?}");
    let (mib, end) = (2_000_000, whole.len());
    let expected = [0..10, mib..mib + 1_000_000, end - 5..end].map(|slice| (content_range(&slice), whole[slice].to_vec()));
    assert!(parts(&answer) == expected);
    house.close().await;
}
