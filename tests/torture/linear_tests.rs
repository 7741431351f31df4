//! The checker against brute force on small histories, and against histories that were made from an order.

use proptest::prelude::*;

use super::linear::{Op, Verdict, check};
use super::model::{Condition, Doc, EMPTY, Event, Facts, Raw, Straight};

/// Three contents of three lengths, each named by the tag of its number.
fn facts() -> Facts {
    Facts { lengths: [(EMPTY, 0), (1, 10), (2, 20), (3, 30)].into(), named: [(1, 1), (2, 2), (3, 3)].into() }
}

fn event() -> impl Strategy<Value = Event> {
    let condition = prop_oneof![Just(Condition::None), (1..3_u32).prop_map(Condition::Match), Just(Condition::Absent)];
    let straight = prop_oneof![
        (1..4_u32).prop_map(Straight::Update),
        Just(Straight::Clear),
        Just(Straight::Touch),
        Just(Straight::Delete),
        prop::option::of(1..4_u32).prop_map(Straight::Insert),
        prop::option::of(1..4_u32).prop_map(Straight::Replace),
        Just(Straight::Peek),
    ];
    let restored = condition.clone();
    let raw = prop_oneof![Just(Raw::NoRow), Just(Raw::Null), (1..4_u32).prop_map(Raw::Content)];
    prop_oneof![
        (1..4_u32, any::<bool>(), condition.clone()).prop_map(|(content, created, condition)| Event::Wrote {
            content,
            tag: content,
            created,
            condition
        }),
        (1..4_u32, condition.clone()).prop_map(|(content, condition)| Event::Write { content, condition }),
        condition.clone().prop_map(|condition| Event::Deleted { condition }),
        condition.clone().prop_map(|condition| Event::Delete { condition }),
        Just(Event::NothingToDelete),
        condition.prop_map(|condition| Event::Unmet { condition }),
        (1..4_u32).prop_map(|content| Event::Read { content, tag: content }),
        (1..4_u32).prop_map(|content| Event::Head { length: u64::from(content) * 10, tag: content }),
        Just(Event::NotThere),
        (1..4_u32).prop_map(|tag| Event::NotModified { tag }),
        (straight, raw).prop_map(|(what, before)| Event::Straight { what, before }),
        (1..4_u32, 1..4_u32, restored).prop_map(|(of, tag, condition)| Event::Restored { of, tag, condition }),
        prop::option::of(1..4_u32).prop_map(|to| Event::Returned { to }),
    ]
}

/// Some five operations of at most some clients, at random times; about one in five unanswered.
fn history() -> impl Strategy<Value = Vec<Op>> {
    let op = (event(), 0..12_u64, 0..6_u64, 0..5_u8).prop_map(|(event, call, lasts, lot)| {
        let unanswered = matches!(event, Event::Write { .. } | Event::Delete { .. }) || lot == 0;
        Op { call: call * 2, back: (!unanswered).then_some((call + lasts) * 2 + 1), event }
    });
    prop::collection::vec(op, 0..6)
}

/// Every order of every choice of operations, one after the other.
fn brute(history: &[Op], facts: &Facts, done: &mut Vec<usize>, doc: Doc) -> bool {
    if (0..history.len()).all(|at| done.contains(&at) || history[at].back.is_none()) {
        return true;
    }
    for next in (0..history.len()).filter(|at| !done.contains(at)).collect::<Vec<_>>() {
        let comes_too_early = (0..history.len())
            .any(|other| other != next && !done.contains(&other) && history[other].back.is_some_and(|back| back < history[next].call));
        if comes_too_early {
            continue;
        }
        done.push(next);
        let found = facts.after(doc, history[next].event).into_iter().any(|after| brute(history, facts, done, after));
        done.pop();
        if found {
            return true;
        }
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_finds_an_order_exactly_when_there_is_one(history in history()) {
        let there_is_one = brute(&history, &facts(), &mut Vec::new(), Doc::Absent);
        prop_assert_eq!(check(&history, &facts()) == Verdict::Linearizable, there_is_one);
    }

    #[test]
    fn a_history_that_was_made_from_an_order_has_one(
        events in prop::collection::vec((event(), 0..40_u64, 0..40_u64, any::<prop::sample::Index>()), 1..80)
    ) {
        let (mut doc, mut history) = (Doc::Absent, Vec::new());
        for (at, (event, before, after, which)) in events.into_iter().enumerate() {
            let next = facts().after(doc, event);
            if next.is_empty() {
                continue;
            }
            doc = next[which.index(next.len())];
            let moment = 100 + at as u64 * 10;
            let back = (!matches!(event, Event::Write { .. } | Event::Delete { .. })).then_some(moment + after + 1);
            history.push(Op { call: moment - before, back, event });
        }
        history.truncate(200);
        let unanswered = history.iter().filter(|op| op.back.is_none()).count();
        prop_assume!(unanswered <= 12);
        prop_assert_eq!(check(&history, &facts()), Verdict::Linearizable);
    }
}

fn op(call: u64, back: u64, event: Event) -> Op {
    Op { call, back: Some(back), event }
}

/// The first content of a test creates the document.
fn wrote(content: u32) -> Event {
    Event::Wrote { content, tag: content, created: content == 1, condition: Condition::None }
}

#[test]
fn a_read_that_goes_backwards_is_found() {
    let read = |content| Event::Read { content, tag: content };
    let history = [op(0, 1, wrote(1)), op(2, 9, wrote(2)), op(3, 4, read(2)), op(5, 6, read(1))];
    assert!(matches!(check(&history, &facts()), Verdict::Violation { .. }));
    assert_eq!(check(&history[..3], &facts()), Verdict::Linearizable);
}

#[test]
fn an_unanswered_write_may_land_at_any_later_moment_and_only_once() {
    let unanswered = Op { call: 2, back: None, event: Event::Write { content: 2, condition: Condition::None } };
    let read = |call, content| op(call, call + 1, Event::Read { content, tag: content });
    let late = [op(0, 1, wrote(1)), unanswered, read(10, 1), read(20, 2)];
    assert_eq!(check(&late, &facts()), Verdict::Linearizable);
    let twice = [late[0], unanswered, read(10, 2), op(12, 13, wrote(3)), read(20, 2)];
    assert!(matches!(check(&twice, &facts()), Verdict::Violation { .. }));
}

#[test]
fn a_content_written_around_may_come_back_only_by_a_clearing() {
    let straight = |call, what, before| op(call, call + 1, Event::Straight { what, before });
    let read = |call, content| op(call, call + 1, Event::Read { content, tag: content });
    let around = [op(0, 1, wrote(1)), straight(2, Straight::Update(2), Raw::Null)];
    let cleared = straight(4, Straight::Clear, Raw::Content(2));
    assert_eq!(check(&[around[0], around[1], cleared, read(6, 1)], &facts()), Verdict::Linearizable);
    assert_eq!(check(&[around[0], around[1], cleared, op(6, 7, Event::NotThere)], &facts()), Verdict::Linearizable);
    assert!(matches!(check(&[around[0], around[1], read(6, 1)], &facts()), Verdict::Violation { .. }));
    let in_sql = straight(2, Straight::Update(2), Raw::Content(1));
    assert!(matches!(check(&[around[0], in_sql, cleared, read(6, 1)], &facts()), Verdict::Violation { .. }));
}

#[test]
fn what_is_too_long_is_said_to_be_so() {
    let reads: Vec<Op> = (0..300).map(|at| op(at * 2, at * 2 + 1, Event::NotThere)).collect();
    assert_eq!(check(&reads, &facts()), Verdict::Undecided);
}
