//! The batch of one final transaction, put together from the catalogue's statements: what a plan does to the customer's row, to the location, and
//! what it leaves behind. It decides nothing.

use std::fmt::Write;
use std::time::Duration;

use super::batch::{Batch, Value};
use super::catalogue::Family;
use super::keeping::Kept;
use super::rows::{Seen, compared, signed};
use super::statements as text;
use super::table::{Named, Table};
use crate::model::document::{DocRow, State};
use crate::model::id::{DocId, IdKind, MAX_DOC_ID_BYTES};
use crate::model::job::{JobKind, Priority};
use crate::model::location::Labels;
use crate::store::plan::{self, At, Filling, LocationEdit, Naming, NewLocation, Plan, RowEdit};
use crate::store::sql::NewAttributes;

/// A parameter for the id that was asked for, named `asked` or the like, in the type that `Table::find` expects.
pub(super) fn with_id<'a>(batch: Batch<'a>, name: &'static str, table: &Table, id: Option<&DocId>) -> Batch<'a> {
    match (table.id_kind, id) {
        (IdKind::Integer, Some(DocId::Integer(id))) => batch.with(name, "bigint", *id),
        (IdKind::Integer, Some(DocId::Text(_)) | None) => batch.with(name, "bigint", Value::Null),
        // A longer one would be cut short, and so be another one; no column of ids is wider.
        (IdKind::Text | IdKind::Uuid, id) => {
            let id = id.map(DocId::to_string).filter(|id| id.encode_utf16().count() <= MAX_DOC_ID_BYTES);
            batch.with(name, "nvarchar(512)", id)
        }
    }
}

/// What a server on its slowest day moves from staging into a row. Every byte goes through its log twice; giving up in the middle would
/// begin the whole document anew.
const MOVED_PER_SECOND: u64 = 4 << 20;

/// A batch that grows.
pub(super) struct Draft<'a> {
    table: &'a Table,
    text: String,
    parameters: Batch<'static>,
    /// The id is not known before the row is there.
    nameless: bool,
}

impl<'a> Draft<'a> {
    /// Locks the rows, and goes on only if they are as they were seen. `at`: the time; NULL for the database's own.
    pub(super) fn begin(table: &'a Table, seen: &Seen, at: Option<i64>) -> Self {
        // On an absent id HOLDLOCK locks the gap, so that nobody else inserts the row meanwhile.
        let row_lock = if seen.row.document.is_some() { "UPDLOCK, ROWLOCK" } else { "UPDLOCK, ROWLOCK, HOLDLOCK" };
        let lock_row = if table.rowversion.is_some() { text::LOCK_ROW } else { text::LOCK_ROW_BESIDE };
        let lock_row = table.fill(lock_row, &[("row_lock", row_lock)]);
        let parameters = Batch::new("")
            .with("tenant", "varchar(63)", table.tenant.as_str())
            .with("collection", "varchar(63)", table.collection.as_str())
            .with("at", "bigint", at)
            .with("epoch", "bigint", signed(seen.row.state.epoch.0))
            .with("state", "varchar(100)", seen.state())
            .with("row", "bigint", seen.revision())
            .with("located", "bigint", seen.located);
        let parameters = with_id(parameters, "asked", table, Some(&seen.row.key.id));
        Self { table, text: table.fill(text::CHANGE_BEGIN, &[("lock_row", &lock_row)]), parameters, nameless: false }
    }

    /// For a row whose id the database gives: nobody else can know of it before the commit, so only the state is compared.
    pub(super) fn begin_nameless(table: &'a Table, state: State, at: Option<i64>) -> Self {
        let parameters = Batch::new("")
            .with("tenant", "varchar(63)", table.tenant.as_str())
            .with("collection", "varchar(63)", table.collection.as_str())
            .with("at", "bigint", at)
            .with("epoch", "bigint", signed(state.epoch.0))
            .with("state", "varchar(100)", compared(state));
        Self { table, text: table.fill(text::INSERT_BEGIN, &[]), parameters, nameless: true }
    }

    pub(super) fn add(&mut self, template: &str) {
        self.add_with(template, &[]);
    }

    pub(super) fn add_with(&mut self, template: &str, names: &[(&str, &str)]) {
        let filled = self.table.fill(template, names);
        self.text.push_str(&filled);
    }

    /// The time that the server needs for content that it moves.
    pub(super) fn allow_for(&mut self, length_bytes: u64) {
        self.parameters.allowance += Duration::from_secs(length_bytes / MOVED_PER_SECOND);
    }

    pub(super) fn set(&mut self, name: &'static str, declared: &'static str, value: impl Into<Value>) {
        let batch = std::mem::replace(&mut self.parameters, Batch::new(""));
        self.parameters = batch.with(name, declared, value);
    }

    pub(super) fn end(mut self) -> Batch<'static> {
        self.add(text::CHANGE_END);
        let mut batch = Batch::new(text::WHOLE_OR_NOTHING.replace("{batch}", &self.text));
        (batch.parameters, batch.allowance) = (self.parameters.parameters, self.parameters.allowance);
        batch
    }

    pub(super) fn make(&mut self, plan: &Plan, before: &DocRow) {
        let kept = Kept::by(plan, before);
        if let Some(Filling::Staged(staged)) = plan.filling() {
            self.allow_for(staged.content.length_bytes);
            self.set("attempt", "varchar(36)", staged.attempt.to_string());
            self.set("staged_length", "bigint", signed(staged.content.length_bytes));
            self.set("staged_sha256", "binary(32)", bytes::Bytes::copy_from_slice(&staged.content.sha256.0));
            self.add(text::CHECK_STAGED);
        }
        if let Some((object, purpose)) = &plan.upload {
            self.set("object", "varchar(36)", object.id.to_string());
            self.set("purpose", "varchar(16)", purpose.label());
            self.add(text::TAKE_UPLOAD);
        }
        if let Some(object) = plan.revived() {
            self.set("revived", "varchar(36)", object.id.to_string());
            self.add(text::NO_UPLOAD);
        }
        if let Some(kept) = &kept {
            self.keep_content(kept);
        }
        // The row before the location, as everywhere: a look-up that holds the one and waits for the other would be in a deadlock.
        self.edit_row(&plan.row);
        match plan.location {
            LocationEdit::Retire | LocationEdit::Replace(_) => self.retire(),
            LocationEdit::Keep | LocationEdit::Update { .. } | LocationEdit::MakeSole => {}
        }
        if let Some(kept) = &kept {
            self.keep_version(kept);
        }
        if let Some(Filling::Staged(_)) = plan.filling() {
            self.add(text::DROP_STAGED);
        }
        if !matches!(plan.row, RowEdit::Delete) {
            self.add(text::READ_BACK);
        }
        if self.nameless {
            self.add(text::INSERTED_IS_FOUND);
        }
        self.note_mark(&plan.row);
        self.note_beginning(plan, plan.begins(before, self.table.rules).as_ref());
        self.edit_location(plan);
        if let Some(kept) = &kept {
            self.keep_job(kept);
        }
    }

    /// Nothing can be retired of a row that nobody knew of.
    fn retire(&mut self) {
        if !self.nameless {
            self.add(text::RETIRE);
            self.add(text::END_VERSION);
        }
    }

    fn edit_row(&mut self, edit: &RowEdit) {
        match edit {
            RowEdit::Keep => {}
            RowEdit::Insert { content, attributes } => self.insert(content, attributes),
            RowEdit::Put { content, attributes, revive } => self.put(content, attributes, *revive),
            RowEdit::Content(content) => {
                let value = self.content(content);
                self.update(vec![(self.table.content.name.clone(), value)], content);
            }
            RowEdit::Clear => {
                let mut set = vec![(self.table.content.name.clone(), self.table.no_content().to_owned())];
                set.extend(self.modified());
                self.update(set, &Filling::Nothing);
            }
            RowEdit::Mark => {
                let mark = self.mark(true);
                self.update(mark.into_iter().collect(), &Filling::Nothing);
            }
            RowEdit::Delete => {
                self.add("DELETE d FROM {document} AS d WHERE d.{id} = @id{mine};\n");
                self.add(text::ONE_ROW);
                if self.table.cascades {
                    self.add(text::END_VERSION);
                } else {
                    self.retire();
                    self.forget_attributes();
                }
            }
        }
    }

    /// The content as an expression.
    fn content(&mut self, content: &Filling) -> String {
        match content {
            Filling::Nothing => self.table.no_content().to_owned(),
            Filling::Inline(bytes) => {
                self.set("content", "varbinary(max)", bytes.clone());
                "@content".to_owned()
            }
            Filling::Staged(_) => "g.bytes".to_owned(),
        }
    }

    /// Columns that a client's write sets beside the content. `all`: what the client does not name is taken away, where its column lets it.
    fn attributes(&mut self, attributes: &NewAttributes, all: bool) -> Vec<(String, String)> {
        self.set("media_type", "nvarchar(4000)", attributes.media_type.clone());
        self.set("file_name", "nvarchar(4000)", attributes.file_name.clone());
        let mut set = Vec::new();
        let table = self.table;
        for (column, given, parameter) in [
            (&table.media_type, attributes.media_type.is_some(), "@media_type"),
            (&table.file_name, attributes.file_name.is_some(), "@file_name"),
        ] {
            let Some(Named { name, column }) = column else { continue };
            if given {
                self.refuse_loss(name, column.collation.as_deref(), column.family, parameter);
                set.push((name.clone(), parameter.to_owned()));
            } else if all && column.nullable {
                set.push((name.clone(), "NULL".to_owned()));
            }
        }
        set.extend(self.modified());
        set
    }

    /// A code page keeps only its own characters, and replaces the others without a word.
    fn refuse_loss(&mut self, column: &str, collation: Option<&str>, family: Family, parameter: &str) {
        let (Family::Text { wide: false }, Some(collation)) = (family, collation) else { return };
        let message = super::text::literal(&format!("sluss: column {column} cannot keep every character of this text"));
        // By way of a variable, because an expression keeps the first collation that it was given.
        let _ = writeln!(
            self.text,
            "DECLARE {parameter}_kept nvarchar(4000) = CAST(CAST({parameter} COLLATE {collation} AS varchar(8000)) AS nvarchar(4000));\n\
             IF {parameter}_kept <> {parameter} COLLATE Latin1_General_100_BIN2 BEGIN; THROW 50002, {message}, 1; END;"
        );
    }

    /// In the customer's own form: a time in UTC, Unix seconds in an integer, ISO 8601 in a text.
    fn modified(&self) -> Option<(String, String)> {
        self.table.modified.as_ref().map(|column| (column.name.clone(), moment(column)))
    }

    /// A mark is 1 in a number, else the time; no mark is 0 there, else NULL or the empty text.
    fn mark(&self, deleted: bool) -> Option<(String, String)> {
        let column = self.table.soft_delete.as_ref()?;
        let value = match (column.column.family, deleted) {
            (Family::Flag | Family::Integer, deleted) => u8::from(deleted).to_string(),
            (_, true) => moment(column),
            (_, false) if column.column.nullable => "NULL".to_owned(),
            (_, false) => "N''".to_owned(),
        };
        Some((column.name.clone(), value))
    }

    fn put(&mut self, content: &Filling, attributes: &NewAttributes, revive: bool) {
        let mut set = vec![(self.table.content.name.clone(), self.content(content))];
        set.extend(self.attributes(attributes, revive || attributes.all));
        if revive {
            set.extend(self.mark(false));
        }
        self.update(set, content);
        self.keep_attributes(revive || attributes.all);
    }

    fn update(&mut self, set: Vec<(String, String)>, content: &Filling) {
        let set: Vec<String> = set.into_iter().map(|(column, value)| format!("{column} = {value}")).collect();
        let staging = match content {
            Filling::Staged(_) => " JOIN sluss.staging AS g ON g.attempt = @attempt",
            Filling::Nothing | Filling::Inline(_) => "",
        };
        let Table { document, .. } = self.table;
        let _ = write!(self.text, "UPDATE d SET {} FROM {document} AS d{staging} WHERE ", set.join(", "));
        self.add("d.{id} = @id{mine};\n");
        self.add(text::ONE_ROW);
    }

    fn insert(&mut self, content: &Filling, attributes: &NewAttributes) {
        let mut set = vec![(self.table.content.name.clone(), self.content(content))];
        let id = &self.table.id.name;
        let output = if self.nameless { format!(" OUTPUT inserted.{id} INTO @given (id)") } else { String::new() };
        if !self.nameless {
            set.push((id.clone(), "@id".to_owned()));
        }
        set.extend(self.attributes(attributes, false));
        set.extend(self.table.owner.iter().map(|(column, value)| (column.name.clone(), value.clone())));
        set.extend(self.table.defaults.iter().cloned());
        let (columns, values): (Vec<String>, Vec<String>) = set.into_iter().unzip();
        let staging = match content {
            Filling::Staged(_) => " FROM sluss.staging AS g WHERE g.attempt = @attempt",
            Filling::Nothing | Filling::Inline(_) => "",
        };
        let (columns, values) = (columns.join(", "), values.join(", "));
        let _ = writeln!(self.text, "INSERT INTO {} ({columns}){output} SELECT {values}{staging};", self.table.document);
        self.add(text::ONE_ROW);
        if self.nameless {
            self.add(text::INSERTED_ID);
        }
        self.keep_attributes(true);
    }

    /// What the cascade would take.
    fn forget_attributes(&mut self) {
        if self.table.lacks_attributes() {
            self.add("DELETE FROM {attribute} WHERE id = @id;\n");
        }
    }

    /// `anew`: the row is new, or is brought back to light, or all of them are set.
    fn keep_attributes(&mut self, anew: bool) {
        if self.table.lacks_attributes() {
            self.set("anew", "bit", anew);
            self.add(text::KEEP_ATTRIBUTES);
        }
    }

    fn edit_location(&mut self, plan: &Plan) {
        match &plan.location {
            LocationEdit::Keep | LocationEdit::Retire => {}
            LocationEdit::Replace(new) => self.locate(new, plan),
            LocationEdit::Update { revision, stamp, sole } => {
                self.set("stamp", "varchar(64)", stamp.to_string());
                self.set("sole", "bit", *sole);
                let revision = self.at(*revision);
                self.add_with(text::SET_LOCATION, &[("located_revision", revision)]);
                self.add(text::ONE_ROW);
            }
            LocationEdit::MakeSole => {
                self.add(text::MAKE_SOLE);
                self.add(text::ONE_ROW);
            }
        }
    }

    fn at(&self, at: At) -> &'static str {
        match at {
            // The rows are as they were seen, or the batch has ended before this.
            At::Seen(_) => "@row",
            At::New => "@revision_new",
        }
    }

    fn locate(&mut self, new: &NewLocation, plan: &Plan) {
        let NewLocation { object, labels: Labels { media_type, file_name }, name, content, revision, sole } = new;
        // Who takes an upload has set it already.
        if plan.upload.is_none() {
            self.set("object", "varchar(36)", object.as_ref().map(|object| object.id.to_string()));
        }
        self.set("placement", "varchar(63)", object.as_ref().map(|object| object.placement.to_string()));
        self.set("length", "bigint", signed(content.length_bytes));
        self.set("sha256", "binary(32)", bytes::Bytes::copy_from_slice(&content.sha256.0));
        self.set("pieces", "varbinary(max)", bytes::Bytes::from(content.pieces.to_bytes()));
        self.set("sole", "bit", *sole);
        self.set("label_media_type", "nvarchar(4000)", media_type.clone());
        self.set("label_file_name", "nvarchar(4000)", file_name.clone());
        let stamp = match name {
            Naming::Given(stamp) => {
                self.set("stamp", "varchar(64)", stamp.to_string());
                "@stamp"
            }
            Naming::Row(_) => text::ROW_STAMP.trim_end(),
        };
        let (begun_at, revision) = (self.begun_at(&plan.row), self.at(*revision));
        self.add_with(text::LOCATE, &[("stamp", stamp), ("begun_at", begun_at), ("located_revision", revision)]);
    }

    /// The outbox, and the figures last, so that their rows are locked for the shortest time.
    pub(super) fn leave_behind(&mut self, before: &DocRow, after: &DocRow, mirror: bool, priority: Priority) {
        let kinds: Vec<JobKind> = plan::called_for(after, mirror).collect();
        if !kinds.is_empty() {
            self.set("job_priority", "int", i64::from(priority.rank()));
        }
        for kind in kinds {
            self.add_with(text::OUTBOX, &[("kind", kind.label())]);
        }
        let held = |row: &DocRow| (row.truth().holder.label(), signed(row.length_bytes()));
        let (held_before, held_after) = (held(before), held(after));
        if held_before != held_after {
            self.set("held_before", "varchar(16)", held_before.0);
            self.set("held_after", "varchar(16)", held_after.0);
            self.set("bytes_before", "bigint", held_before.1);
            self.set("bytes_after", "bigint", held_after.1);
            self.add(text::CARRY_TALLY);
        }
    }
}

fn moment(column: &Named) -> String {
    match column.column.family {
        Family::Integer => "@now / 1000".to_owned(),
        Family::Text { .. } => "CONVERT(varchar(23), @moment, 126)".to_owned(),
        Family::Time | Family::Flag | Family::Guid | Family::Binary | Family::Image | Family::RowVersion | Family::Other => {
            "@moment".to_owned()
        }
    }
}
