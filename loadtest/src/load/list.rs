//! A page of a list, and whether it is what the ledger says: nothing is left out before the place where the next page begins, nothing is
//! there twice, every length is one that the document may have, and the list ends only where the documents end.

use serde::{Deserialize, Deserializer};

use super::ledger::{Document, Ledger, Mark, State};

/// What is behind these has its mark from the beginning of the run: only where documents were deleted does a page reach so far.
const MARKED_PAGES: u64 = 2;

/// What a page must be, as the ledger was before it was asked for.
pub struct Expected<'a> {
    ledger: &'a Ledger,
    /// The page begins behind it.
    after: Document,
    limit: u64,
    marks: Vec<Mark>,
}

impl<'a> Expected<'a> {
    pub fn of(ledger: &'a Ledger, after: Document, limit: u64) -> Self {
        let marks = (1..=MARKED_PAGES * limit).map(|number| ledger.mark(Document { id: after.id + number, ..after }));
        Self { ledger, after, limit, marks: marks.collect() }
    }

    /// What is wrong with an answer, if anything is.
    pub fn judge(&self, text: &[u8]) -> Result<(), String> {
        let page: Page = serde_json::from_slice(text).map_err(|error| format!("it is no list: {error}"))?;
        let ids: Vec<u64> = std::iter::once(self.after.id).chain(page.documents.iter().map(|row| row.id)).collect();
        if let Some(two) = ids.windows(2).find(|two| two[0] >= two[1]) {
            return Err(format!("{} comes behind {}", two[1], two[0]));
        }
        if page.documents.len() as u64 > self.limit {
            return Err(format!("{} documents are more than {}", page.documents.len(), self.limit));
        }
        let last = ids.last().copied().unwrap_or(self.after.id);
        if let Some(next) = page.next.filter(|next| *next < last || *next == self.after.id) {
            return Err(format!("the next page begins behind {next}, and this one ends with {last}"));
        }
        // A page that is not the last one tells where the next one begins, and has everything before.
        let reached = page.next.unwrap_or(u64::MAX).min(self.ledger.documents());
        let mut rows = page.documents.iter().peekable();
        for id in self.after.id + 1..=reached {
            let found = rows.next_if(|row| row.id == id).and_then(|row| row.size);
            let one = Document { id, ..self.after };
            let mark = self.marks.get((id - self.after.id - 1) as usize).copied().unwrap_or(Mark::FIRST);
            let length = |state: &State| state.map(|version| self.ledger.content(one, version).length);
            let allowed: Vec<Option<u64>> = self.ledger.allowed(one, mark).iter().map(length).collect();
            if !allowed.contains(&found) {
                let end = page.next.map_or("the last page".to_owned(), |next| format!("a page up to {next}"));
                return Err(format!("{end} has the length {found:?} for {id}; allowed {allowed:?}"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Page {
    documents: Vec<Row>,
    /// Null at the end, and never absent.
    #[serde(deserialize_with = "there")]
    next: Option<u64>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(deserialize_with = "number")]
    id: u64,
    /// Null where there is no content.
    #[serde(deserialize_with = "Deserialize::deserialize")]
    size: Option<u64>,
}

/// Ids are texts.
fn number<'de, D: Deserializer<'de>>(value: D) -> Result<u64, D::Error> {
    String::deserialize(value)?.parse().map_err(serde::de::Error::custom)
}

/// A field that derives would take for null where it is absent.
fn there<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u64>, D::Error> {
    Option::<String>::deserialize(value)?.map(|text| text.parse()).transpose().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::content::{Contents, Texture};
    use crate::seed::Manifest;
    use crate::sizes::Sizes;

    const LIMIT: u64 = 4;

    fn ledger() -> Ledger {
        let contents = Contents { seed: 1, sizes: Sizes::Uniform(1..=1_000_000), texture: Texture::Random };
        Ledger::of(Manifest { contents, tenants: 1, documents: 10 })
    }

    fn document(id: u64) -> Document {
        Document { tenant: 0, id }
    }

    fn row(ledger: &Ledger, id: u64) -> Value {
        json!({ "id": id.to_string(), "size": ledger.content(document(id), 0).length, "held_by": "sql" })
    }

    fn page(ledger: &Ledger, ids: &[u64], next: &Value) -> String {
        let rows: Vec<Value> = ids.iter().map(|id| row(ledger, *id)).collect();
        json!({ "documents": rows, "next": next }).to_string()
    }

    fn judged(ledger: &Ledger, after: u64, ids: &[u64], next: &Value) -> Result<(), String> {
        Expected::of(ledger, document(after), LIMIT).judge(page(ledger, ids, next).as_bytes())
    }

    #[test]
    fn whole_pages_and_the_last_one_are_right() {
        let ledger = ledger();
        judged(&ledger, 2, &[3, 4, 5, 6], &json!("6")).unwrap();
        judged(&ledger, 6, &[7, 8, 9, 10], &Value::Null).unwrap();
        judged(&ledger, 8, &[9, 10], &Value::Null).unwrap();
        judged(&ledger, 10, &[], &Value::Null).unwrap();
        // As where many deleted rows lie between.
        judged(&ledger, 2, &[3], &json!("3")).unwrap();
    }

    #[test]
    fn a_list_that_is_cut_short_is_wrong() {
        let ledger = ledger();
        for (ids, next) in [
            (&[3, 4][..], Value::Null),
            (&[3, 4, 5, 6], Value::Null),
            (&[], Value::Null),
            (&[3, 5, 6, 7], json!("7")),
            (&[3, 4], json!("6")),
        ] {
            let wrong = judged(&ledger, 2, ids, &next).unwrap_err();
            assert!(wrong.contains("has the length None for"), "{wrong}");
        }
        for (ids, next) in [(&[3, 4, 4, 5][..], json!("5")), (&[2, 3], json!("3")), (&[3, 4, 5, 6, 7], json!("7")), (&[3, 4], json!("3"))] {
            assert!(judged(&ledger, 2, ids, &next).is_err(), "{ids:?} {next}");
        }
        assert!(judged(&ledger, 2, &[], &json!("2")).is_err(), "it would be asked for without end");
    }

    #[test]
    fn a_list_that_does_not_say_where_it_goes_on_is_none() {
        let ledger = ledger();
        let text = json!({ "documents": [row(&ledger, 9), row(&ledger, 10)] }).to_string();
        let wrong = Expected::of(&ledger, document(8), LIMIT).judge(text.as_bytes()).unwrap_err();
        assert!(wrong.contains("next"), "{wrong}");
    }

    #[test]
    fn what_is_deleted_or_written_meanwhile_may_be_seen_and_what_was_before_may_not() {
        let ledger = ledger();
        let before = Expected::of(&ledger, document(2), LIMIT);
        ledger.begin(document(4), true);
        ledger.acknowledge(document(4), None);
        let (whole, without) = (page(&ledger, &[3, 4, 5, 6], &json!("6")), page(&ledger, &[3, 5, 6, 7], &json!("7")));
        before.judge(whole.as_bytes()).unwrap();
        before.judge(without.as_bytes()).unwrap();
        let after = Expected::of(&ledger, document(2), LIMIT);
        assert!(after.judge(whole.as_bytes()).is_err(), "it is gone");
        after.judge(without.as_bytes()).unwrap();
        ledger.begin(document(9), false);
        ledger.acknowledge(document(9), None);
        assert!(judged(&ledger, 8, &[9, 10], &Value::Null).is_err(), "the length is the old one's");
    }
}
