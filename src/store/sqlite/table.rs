//! The customer's table as the statements see it: quoted names, and the names of our tables beside it.

use crate::config::CollectionConfig;
use crate::model::id::{CollectionName, DocId, IdKind};

/// Quotes an identifier the SQL way.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text literal the SQL way.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One collection's names, ready to stand in a statement.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) collection: CollectionName,
    pub(super) id_kind: IdKind,
    /// As the customer spells it, for blob handles and the catalogue.
    pub(super) raw_name: String,
    pub(super) raw_id: String,
    pub(super) raw_content: String,
    pub(super) raw_modified: Option<String>,
    pub(super) raw_columns: Vec<String>,
    pub(super) raw_revision: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) content: String,
    pub(super) media_type: Option<String>,
    pub(super) file_name: Option<String>,
    pub(super) modified: Option<String>,
    pub(super) location: String,
    pub(super) revision: String,
    /// Where a sweep has counted up to.
    pub(super) place: String,
    look_up: String,
}

impl Table {
    pub(super) fn new(config: &CollectionConfig) -> Self {
        let optional = |column: &Option<String>| column.as_deref().map(quoted);
        let named: [&Option<String>; 3] = [&config.media_type_column, &config.file_name_column, &config.modified_column];
        let raw_columns = [&config.id_column, &config.content_column].into_iter().chain(named.into_iter().flatten()).cloned().collect();
        let revision = format!("sluss_revision_{}", config.table);
        let mut table = Self {
            collection: config.name.clone(),
            id_kind: config.id_kind,
            raw_name: config.table.clone(),
            raw_id: config.id_column.clone(),
            raw_content: config.content_column.clone(),
            raw_modified: config.modified_column.clone(),
            raw_columns,
            raw_revision: revision.clone(),
            name: quoted(&config.table),
            id: quoted(&config.id_column),
            content: quoted(&config.content_column),
            media_type: optional(&config.media_type_column),
            file_name: optional(&config.file_name_column),
            modified: optional(&config.modified_column),
            location: quoted(&format!("sluss_location_{}", config.table)),
            revision: quoted(&revision),
            place: quoted(&format!("sluss_place_{}", config.table)),
            look_up: String::new(),
        };
        table.look_up = table.look_up_statement();
        table
    }

    /// Parameters: tenant, id, and the size up to which content rides along.
    pub(super) fn look_up(&self) -> &str {
        &self.look_up
    }

    /// What a look-up selects: the order that `rows::read` relies on. `?3` bounds the content that rides along.
    fn columns(&self) -> String {
        let Self { id, content, .. } = self;
        let optional = |column: &Option<String>| column.as_ref().map_or("NULL".to_owned(), |column| format!("d.{column}"));
        // typeof and octet_length read the row's header only; a bare mention of the column would load its content.
        format!(
            "s.phase, s.epoch, d.{id}, typeof(d.{content}), octet_length(d.{content}), \
             CASE WHEN octet_length(d.{content}) <= ?3 THEN CAST(d.{content} AS BLOB) END, {}, {}, {}, r.revision, \
             l.id, l.placement, l.object, l.stamp, l.length, l.sha256, l.pieces, l.revision, l.sole",
            optional(&self.media_type),
            optional(&self.file_name),
            optional(&self.modified),
        )
    }

    fn look_up_statement(&self) -> String {
        let Self { name, id, location, revision, .. } = self;
        format!(
            "SELECT {} FROM sluss_state s LEFT JOIN {name} d ON d.{id} = ?2 LEFT JOIN {revision} r ON r.id = d.{id} \
             LEFT JOIN {location} l ON l.id = coalesce(d.{id}, ?2) WHERE s.tenant = ?1",
            self.columns()
        )
    }

    /// One page in the order of the primary key. Parameters: tenant, the id before the page, 0, limit.
    pub(super) fn page_statement(&self, from_start: bool) -> String {
        let Self { name, id, location, revision, .. } = self;
        // SQLite lets a primary key be NULL; such a row has no name, so it is no document.
        let after = if from_start { format!("?2 IS NULL AND d.{id} IS NOT NULL") } else { format!("d.{id} > ?2") };
        format!(
            "SELECT {} FROM sluss_state s JOIN {name} d LEFT JOIN {revision} r ON r.id = d.{id} \
             LEFT JOIN {location} l ON l.id = d.{id} WHERE s.tenant = ?1 AND {after} ORDER BY d.{id} LIMIT ?4",
            self.columns()
        )
    }
}

impl rusqlite::ToSql for DocId {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Integer(id) => id.to_sql(),
            Self::Text(id) => id.to_sql(),
        }
    }
}
