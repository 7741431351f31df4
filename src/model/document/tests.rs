//! One test for each row of the protocol's table, in its order.

use super::*;
use crate::model::content::Fingerprint;
use crate::model::id::FreshKey;
use crate::model::location::Labels;

const STATE: State = State { phase: Phase::Shadow, epoch: Epoch(3), read_only: false };

fn row(content: SqlContent) -> Document {
    Document { revision: Revision(10), content, column: ContentColumn::Nullable, soft_deleted: false, attributes: Attributes::default() }
}

fn location(revision: u64, sole: bool) -> Location {
    let object = FreshKey::mint("local".parse().unwrap()).stored();
    Location {
        stamp: Stamp::Object(object.id),
        object: Some(object),
        content: Fingerprint::of(b"hello"),
        revision: Revision(revision),
        sole,
        labels: Labels::default(),
        held_from: jiff::Timestamp::UNIX_EPOCH,
        verified_at: None,
    }
}

fn empty_location(revision: u64, sole: bool) -> Location {
    Location { object: None, content: Fingerprint::of(b""), ..location(revision, sole) }
}

fn verdict(document: Option<&Document>, location: Option<&Location>) -> (bool, Holder, Option<Repair>) {
    let truth = truth(document, location, STATE);
    (truth.visible, truth.holder, truth.repair)
}

fn stamp_in_sql() -> Option<Stamp> {
    Some(Stamp::Row { epoch: Epoch(3), revision: Revision(10) })
}

#[test]
fn no_row_and_no_location_is_no_document() {
    assert_eq!(verdict(None, None), (false, Holder::NoDocument, None));
}

#[test]
fn a_location_without_a_row_is_no_document_and_an_alarm() {
    let alarm = Some(Repair::Alarm(Impossible::LocationWithoutRow));
    assert_eq!(verdict(None, Some(&location(10, true))), (false, Holder::NoDocument, alarm));
}

#[test]
fn a_soft_deleted_row_is_invisible_and_keeps_its_holder() {
    let gone = |content| Document { soft_deleted: true, ..row(content) };
    assert_eq!(verdict(Some(&gone(SqlContent::Bytes(5))), None), (false, Holder::Sql, None));
    assert_eq!(verdict(Some(&gone(SqlContent::Bytes(5))), Some(&location(10, false))), (false, Holder::Both, None));
    assert_eq!(verdict(Some(&gone(SqlContent::Null)), Some(&location(10, true))), (false, Holder::Object, None));
    assert_eq!(verdict(Some(&gone(SqlContent::Null)), Some(&location(9, true))), (false, Holder::Object, Some(Repair::BringUpToDate)));
}

#[test]
fn content_never_copied_is_in_sql_under_the_rows_own_stamp() {
    let document = row(SqlContent::Bytes(5));
    assert_eq!(verdict(Some(&document), None), (true, Holder::Sql, None));
    assert_eq!(truth(Some(&document), None, STATE).stamp, stamp_in_sql());
}

#[test]
fn content_changed_in_sql_since_its_copy_is_in_sql() {
    let document = row(SqlContent::Bytes(5));
    assert_eq!(verdict(Some(&document), Some(&location(9, false))), (true, Holder::Sql, None));
    assert_eq!(truth(Some(&document), Some(&location(9, false)), STATE).stamp, stamp_in_sql());
}

#[test]
fn content_copied_at_this_revision_is_in_both_under_the_locations_stamp() {
    let (document, location) = (row(SqlContent::Bytes(5)), location(10, false));
    assert_eq!(verdict(Some(&document), Some(&location)), (true, Holder::Both, None));
    assert_eq!(truth(Some(&document), Some(&location), STATE).stamp, Some(location.stamp));
}

#[test]
fn content_written_around_a_sole_location_is_in_sql_and_retires_the_location() {
    let document = row(SqlContent::Bytes(5));
    let retire = Some(Repair::RetireWrittenAround);
    assert_eq!(verdict(Some(&document), Some(&location(9, true))), (true, Holder::Sql, retire));
    assert_eq!(truth(Some(&document), Some(&location(9, true)), STATE).stamp, stamp_in_sql());
}

#[test]
fn content_beside_a_sole_location_of_its_own_revision_is_in_sql_and_an_alarm() {
    let alarm = Some(Repair::Alarm(Impossible::ContentBesideSole));
    assert_eq!(verdict(Some(&row(SqlContent::Bytes(5))), Some(&location(10, true))), (true, Holder::Sql, alarm));
}

#[test]
fn an_empty_value_in_a_not_null_column_with_an_empty_location_is_the_empty_document() {
    let document = Document { column: ContentColumn::NotNull, ..row(SqlContent::Empty) };
    for sole in [true, false] {
        assert_eq!(verdict(Some(&document), Some(&empty_location(10, sole))), (true, Holder::EmptyDocument, None));
        let stale = Some(Repair::BringUpToDate);
        assert_eq!(verdict(Some(&document), Some(&empty_location(9, sole))), (true, Holder::EmptyDocument, stale));
    }
}

#[test]
fn an_empty_value_in_a_not_null_column_stands_for_null_otherwise() {
    let document = Document { column: ContentColumn::NotNull, ..row(SqlContent::Empty) };
    assert_eq!(verdict(Some(&document), None), (true, Holder::NoContent, None));
    assert_eq!(verdict(Some(&document), Some(&location(10, true))), (true, Holder::Object, None));
    let cleared = Some(Repair::RetireCleared);
    assert_eq!(verdict(Some(&document), Some(&location(9, false))), (true, Holder::NoContent, cleared));
}

#[test]
fn an_empty_value_in_a_nullable_column_is_content() {
    let document = row(SqlContent::Empty);
    assert_eq!(verdict(Some(&document), None), (true, Holder::Sql, None));
    assert_eq!(verdict(Some(&document), Some(&empty_location(10, false))), (true, Holder::Both, None));
    assert_eq!(verdict(Some(&row(SqlContent::Null)), Some(&empty_location(10, true))), (true, Holder::Object, None));
}

#[test]
fn null_with_a_sole_location_is_in_the_object_store() {
    let location = location(10, true);
    assert_eq!(verdict(Some(&row(SqlContent::Null)), Some(&location)), (true, Holder::Object, None));
    assert_eq!(truth(Some(&row(SqlContent::Null)), Some(&location), STATE).stamp, Some(location.stamp));
}

#[test]
fn other_columns_changed_beside_a_sole_location_bring_it_up_to_date() {
    let stale = Some(Repair::BringUpToDate);
    assert_eq!(verdict(Some(&row(SqlContent::Null)), Some(&location(9, true))), (true, Holder::Object, stale));
}

#[test]
fn content_cleared_in_sql_is_no_content_and_retires_the_location() {
    let cleared = Some(Repair::RetireCleared);
    assert_eq!(verdict(Some(&row(SqlContent::Null)), Some(&location(9, false))), (true, Holder::NoContent, cleared));
}

#[test]
fn null_beside_an_equal_location_is_no_content_and_an_alarm() {
    let alarm = Some(Repair::Alarm(Impossible::NothingBesideEqual));
    assert_eq!(verdict(Some(&row(SqlContent::Null)), Some(&location(10, false))), (true, Holder::NoContent, alarm));
}

#[test]
fn null_without_a_location_is_no_content_yet() {
    assert_eq!(verdict(Some(&row(SqlContent::Null)), None), (true, Holder::NoContent, None));
}
