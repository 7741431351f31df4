//! The customer's table as the statements see it: quoted names, and the names of our tables beside it.

use rusqlite::types::Null;

use super::edit::Bound;
use crate::config::{CollectionConfig, ColumnValue, CreateRule, DeleteRule};
use crate::model::document::ContentColumn;
use crate::model::id::{CollectionName, DocId, IdKind, TenantId};
use crate::store::plan::Rules;

/// Quotes an identifier the SQL way.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text literal the SQL way.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A column of the customer's that a table may have or not.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// As the customer spells it, for the catalogue.
    pub(super) raw: String,
    /// Quoted, for statements.
    pub(super) name: String,
}

impl Named {
    fn of(column: &Option<String>) -> Option<Self> {
        column.as_ref().map(|raw| Self { raw: raw.clone(), name: quoted(raw) })
    }
}

/// One collection's names, ready to stand in a statement.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) collection: CollectionName,
    pub(super) id_kind: IdKind,
    pub(super) column: ContentColumn,
    pub(super) create: CreateRule,
    pub(super) delete: DeleteRule,
    /// As the customer spells it, for blob handles and the catalogue.
    pub(super) raw_name: String,
    pub(super) raw_id: String,
    pub(super) raw_content: String,
    pub(super) raw_columns: Vec<String>,
    pub(super) raw_tenant: Option<String>,
    /// What the names of our tables end in: the table's, and the tenant's where many share the table.
    pub(super) raw_side: String,
    pub(super) raw_location: String,
    pub(super) raw_revision: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) content: String,
    pub(super) media_type: Option<Named>,
    pub(super) file_name: Option<Named>,
    pub(super) modified: Option<Named>,
    pub(super) soft_delete: Option<Named>,
    /// The column that tells the tenants of one table apart, quoted, and this tenant's value in it.
    pub(super) tenant: Option<(String, ColumnValue)>,
    /// What other columns get when a PUT inserts a row.
    pub(super) defaults: Vec<(String, ColumnValue)>,
    pub(super) location: String,
    pub(super) revision: String,
    /// Where a sweep has counted up to.
    pub(super) place: String,
    /// Attributes that the customer's table has no column for.
    pub(super) attribute: Option<String>,
    look_up: String,
}

impl Table {
    pub(super) fn new(config: &CollectionConfig, owner: &TenantId) -> Self {
        // No table's name can make one of the two look like the other.
        let side = match &config.tenant {
            Some(_) => format!("/{owner}/{}", config.table),
            None => format!("_{}", config.table),
        };
        let own = |what: &str| format!("sluss_{what}{side}");
        let tenant_column = config.tenant.as_ref().map(|tenant| tenant.column.clone());
        let lacks_attributes = config.media_type_column.is_none() || config.file_name_column.is_none();
        let mut table = Self {
            collection: config.name.clone(),
            id_kind: config.id_kind,
            column: config.nullability,
            create: config.create,
            delete: config.delete,
            raw_name: config.table.clone(),
            raw_id: config.id_column.clone(),
            raw_content: config.content_column.clone(),
            raw_columns: config.columns().map(str::to_owned).collect(),
            raw_tenant: tenant_column,
            raw_location: own("location"),
            raw_revision: own("revision"),
            name: quoted(&config.table),
            id: quoted(&config.id_column),
            content: quoted(&config.content_column),
            media_type: Named::of(&config.media_type_column),
            file_name: Named::of(&config.file_name_column),
            modified: Named::of(&config.modified_column),
            soft_delete: Named::of(&config.soft_delete_column),
            tenant: config.tenant.as_ref().map(|tenant| (quoted(&tenant.column), tenant.value.clone())),
            defaults: config.defaults.iter().map(|(column, value)| (quoted(column), value.clone())).collect(),
            location: quoted(&own("location")),
            revision: quoted(&own("revision")),
            place: quoted(&own("place")),
            attribute: lacks_attributes.then(|| quoted(&own("attribute"))),
            look_up: String::new(),
            raw_side: side,
        };
        table.look_up = table.look_up_statement();
        table
    }

    /// What the configuration lets a change do.
    pub(super) fn rules(&self, history: bool) -> Rules {
        Rules { column: self.column, create: self.create, delete: self.delete, history }
    }

    /// What stands in the content column where there is no content.
    pub(super) fn no_content(&self) -> Bound {
        match self.column {
            ContentColumn::Nullable => Box::new(Null),
            ContentColumn::NotNull => Box::new(Vec::new()),
        }
    }

    /// Narrows a condition to this tenant's rows. `alias`: empty, or what stands before the columns, with its dot.
    pub(super) fn mine(&self, alias: &str) -> String {
        self.tenant_test(alias, "=").map_or_else(String::new, |test| format!(" AND {test}"))
    }

    /// Compares the tenant column with this tenant's value; `None` where the table is its own.
    pub(super) fn tenant_test(&self, alias: &str, operator: &str) -> Option<String> {
        let (column, value) = self.tenant.as_ref()?;
        let value = match value {
            ColumnValue::Text(text) => literal(text),
            ColumnValue::Integer(integer) => integer.to_string(),
            ColumnValue::Flag(flag) => i64::from(*flag).to_string(),
        };
        Some(format!("{alias}{column} {operator} {value}"))
    }

    /// Parameters: tenant, id, and the size up to which content rides along.
    pub(super) fn look_up(&self) -> &str {
        &self.look_up
    }

    /// What a look-up selects: the order that `rows::read` relies on. `?3` bounds the content that rides along.
    fn columns(&self) -> String {
        let Self { id, content, .. } = self;
        let attribute =
            |column: &Option<Named>, own: &str| column.as_ref().map_or(format!("a.{own}"), |column| format!("d.{}", column.name));
        let modified = self.modified.as_ref().map_or("NULL".to_owned(), |column| format!("d.{}", column.name));
        // Marked is whatever is neither NULL nor some way to say no.
        let soft_deleted = self.soft_delete.as_ref().map_or("0".to_owned(), |column| {
            format!("coalesce(lower(CAST(d.{} AS TEXT)) NOT IN ('', '0', '0.0', 'false'), 0)", column.name)
        });
        // typeof and octet_length read the row's header only; a bare mention of the column would load its content.
        format!(
            "s.phase, s.epoch, d.{id}, typeof(d.{content}), octet_length(d.{content}), \
             CASE WHEN octet_length(d.{content}) <= ?3 THEN CAST(d.{content} AS BLOB) END, {}, {}, {modified}, r.revision, \
             l.id, l.placement, l.object, l.stamp, l.length, l.sha256, l.pieces, l.revision, l.sole, l.media_type, l.file_name, \
             l.held_from, l.verified_at, {soft_deleted}, s.read_only",
            attribute(&self.media_type, "media_type"),
            attribute(&self.file_name, "file_name"),
        )
    }

    /// Beside the customer's row `d`: its location and its attributes.
    fn beside(&self, location_id: &str) -> String {
        let Self { id, location, .. } = self;
        let attribute = self.attribute.as_ref().map_or(String::new(), |attribute| format!(" LEFT JOIN {attribute} a ON a.id = d.{id}"));
        format!("LEFT JOIN {location} l ON l.id = {location_id}{attribute}")
    }

    fn look_up_statement(&self) -> String {
        let Self { name, id, revision, .. } = self;
        // Clients ask in lower case; a row that spells its UUID in upper case is the same document, unless another spells it as asked.
        let (asked, first) = match self.id_kind {
            IdKind::Integer | IdKind::Text => (format!("d.{id} = ?2"), String::new()),
            IdKind::Uuid => (format!("d.{id} IN (?2, upper(?2))"), format!(" ORDER BY d.{id} COLLATE BINARY IS NOT ?2 LIMIT 1")),
        };
        format!(
            "SELECT {} FROM sluss_state s LEFT JOIN {name} d ON {asked}{} LEFT JOIN {revision} r ON r.id = d.{id} {} \
             WHERE s.tenant = ?1{first}",
            self.columns(),
            self.mine("d."),
            self.beside(&format!("coalesce(d.{id}, ?2)"))
        )
    }

    /// One page in the order of the primary key. Parameters: tenant, the id before the page, 0, limit.
    pub(super) fn page_statement(&self, from_start: bool) -> String {
        let Self { name, id, revision, .. } = self;
        // SQLite lets a primary key be NULL; such a row has no name, so it is no document.
        let after = if from_start { format!("?2 IS NULL AND d.{id} IS NOT NULL") } else { format!("d.{id} > ?2") };
        format!(
            "SELECT {} FROM sluss_state s JOIN {name} d LEFT JOIN {revision} r ON r.id = d.{id} {} \
             WHERE s.tenant = ?1 AND {after}{} ORDER BY d.{id} LIMIT ?4",
            self.columns(),
            self.beside(&format!("d.{id}")),
            self.mine("d.")
        )
    }

    /// What has a revision above one, in the order of revisions. Parameters: tenant, that revision, 0, limit.
    pub(super) fn changes_statement(&self) -> String {
        let Self { name, id, revision, .. } = self;
        format!(
            "SELECT {} FROM sluss_state s JOIN {revision} r ON r.revision > ?2 JOIN {name} d ON d.{id} = r.id{} {} \
             WHERE s.tenant = ?1 ORDER BY r.revision LIMIT ?4",
            self.columns(),
            self.mine("d."),
            self.beside(&format!("d.{id}"))
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
