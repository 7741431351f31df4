//! One collection as its statements see it: quoted names, the expressions that its columns' types ask for, and the names of our tables
//! beside it. Made from the configuration and the database's own catalogue; it never asks the database itself.

use super::catalogue::{Column, Family, KeyColumn, same_name, unique_key};
use super::text::{fill, literal, quoted};
use crate::config::{CollectionConfig, ColumnValue};
use crate::model::document::ContentColumn;
use crate::model::id::{CollectionName, IdKind, TenantId};
use crate::store::plan::Rules;

/// A column of the customer's that a table may have or not.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// Quoted.
    pub(super) name: String,
    pub(super) column: Column,
}

/// One collection's names, ready to stand in a statement.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) tenant: TenantId,
    pub(super) collection: CollectionName,
    pub(super) id_kind: IdKind,
    pub(super) rules: Rules,
    /// Whether deleting a row takes our rows with it; else a sweep looks for rows that are gone.
    pub(super) cascades: bool,
    /// Quoted.
    pub(super) schema: String,
    /// Quoted, with its schema.
    pub(super) document: String,
    pub(super) id: Named,
    pub(super) content: Named,
    pub(super) media_type: Option<Named>,
    pub(super) file_name: Option<Named>,
    pub(super) modified: Option<Named>,
    pub(super) soft_delete: Option<Named>,
    /// The rowversion column; without it revisions stand in a table of ours, kept by a trigger.
    pub(super) rowversion: Option<Named>,
    /// The column that tells the tenants of one table apart, and this tenant's value in it as a literal.
    pub(super) owner: Option<(Named, String)>,
    /// What further columns get in a row that a PUT inserts: quoted names and literals.
    pub(super) defaults: Vec<(String, String)>,
    pub(super) all_columns: Vec<Column>,
    /// The columns of the unique index that our foreign keys lean on, in its order.
    pub(super) key: Vec<String>,
    names: Vec<(&'static str, String)>,
}

/// Why a table cannot be a collection: what the catalogue contradicts, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unfit(pub(super) String);

/// A table of ours beside a collection. No two collections share one: names have no slash.
pub(super) fn own(what: &str, tenant: &TenantId, collection: &CollectionName) -> String {
    format!("sluss.{}", quoted(&format!("{what}/{tenant}/{collection}")))
}

pub(super) fn schema_of(config: &CollectionConfig) -> &str {
    config.schema.as_deref().unwrap_or("dbo")
}

/// The customer's table, quoted.
pub(super) fn document_of(config: &CollectionConfig) -> String {
    format!("{}.{}", quoted(schema_of(config)), quoted(&config.table))
}

pub(super) fn value(value: &ColumnValue) -> String {
    match value {
        ColumnValue::Text(text) => literal(text),
        ColumnValue::Integer(integer) => integer.to_string(),
        ColumnValue::Flag(flag) => u8::from(*flag).to_string(),
    }
}

impl Table {
    pub(super) fn new(
        tenant: &TenantId,
        config: &CollectionConfig,
        columns: Vec<Column>,
        keys: &[KeyColumn],
        history: bool,
    ) -> Result<Self, Unfit> {
        let document = document_of(config);
        if columns.is_empty() {
            return Err(Unfit(format!(
                "there is no table {document}, or this login may not see it: GRANT SELECT and VIEW DEFINITION on it"
            )));
        }
        let find = |name: &str| -> Result<Named, Unfit> {
            let column = columns.iter().find(|column| same_name(&column.name, name)).cloned();
            let column = column.ok_or_else(|| Unfit(format!("table {document} has no column {}", quoted(name))))?;
            Ok(Named { name: quoted(&column.name), column })
        };
        let optional = |name: &Option<String>| name.as_deref().map(find).transpose();
        let owner = match &config.tenant {
            Some(tenant) => Some((find(&tenant.column)?, value(&tenant.value))),
            None => None,
        };
        let defaults =
            config.defaults.iter().map(|(column, given)| Ok((find(column)?.name, value(given)))).collect::<Result<_, Unfit>>()?;
        let id = find(&config.id_column)?;
        let mut wanted = vec![id.column.name.as_str()];
        wanted.extend(owner.iter().map(|(owner, _)| owner.column.name.as_str()));
        let key = unique_key(keys, &wanted).or_else(|| unique_key(keys, &[id.column.name.as_str()])).ok_or_else(|| {
            Unfit(format!(
                "column {} of {document} is not unique: make it the primary key, or give it a unique index without a filter (with the tenant \
                 column, where there is one)",
                id.name
            ))
        })?;
        let mut table = Self {
            tenant: tenant.clone(),
            collection: config.name.clone(),
            id_kind: config.id_kind,
            rules: Rules { column: config.nullability, create: config.create, delete: config.delete, history },
            cascades: config.foreign_key,
            schema: quoted(schema_of(config)),
            id,
            content: find(&config.content_column)?,
            media_type: optional(&config.media_type_column)?,
            file_name: optional(&config.file_name_column)?,
            modified: optional(&config.modified_column)?,
            soft_delete: optional(&config.soft_delete_column)?,
            rowversion: optional(&config.revision_column)?,
            owner,
            defaults,
            key,
            names: Vec::new(),
            all_columns: Vec::new(),
            document,
        };
        table.all_columns = columns;
        table.names = table.all_names();
        Ok(table)
    }

    /// A template of the catalogue with this table's names in it.
    pub(super) fn fill(&self, template: &str, further: &[(&str, &str)]) -> String {
        let known = self.names.iter().map(|(name, value)| (*name, value.as_str()));
        fill(template, &further.iter().copied().chain(known).collect::<Vec<_>>())
    }

    pub(super) fn own(&self, what: &str) -> String {
        own(what, &self.tenant, &self.collection)
    }

    pub(super) fn lacks_attributes(&self) -> bool {
        self.media_type.is_none() || self.file_name.is_none()
    }

    /// What stands in the content column where there is no content.
    pub(super) fn no_content(&self) -> &'static str {
        match self.rules.column {
            ContentColumn::Nullable => "NULL",
            ContentColumn::NotNull => "0x",
        }
    }

    fn all_names(&self) -> Vec<(&'static str, String)> {
        let beside_row = self.rowversion.is_none();
        let revision = self.rowversion.as_ref().map_or("r.rv".to_owned(), |column| format!("d.{}", column.name));
        let [location, revisions, place, attribute] = ["location", "revision", "place", "attribute"].map(|what| self.own(what));
        let id = &self.id.name;
        let mine = self.owner.as_ref().map_or(String::new(), |(column, value)| format!(" AND d.{} = {value}", column.name));
        let attributes = if self.lacks_attributes() {
            format!("\nLEFT JOIN {attribute} AS a WITH (REPEATABLEREAD) ON a.id = d.{id}")
        } else {
            String::new()
        };
        let located = format!("LEFT JOIN {location} AS l WITH (REPEATABLEREAD) ON l.id = d.{id}{attributes}");
        let revision_join = |kind: &str| {
            if beside_row { format!("{kind} {revisions} AS r WITH (REPEATABLEREAD) ON r.id = d.{id}") } else { String::new() }
        };
        let (source, candidate, raised, only) = match &self.rowversion {
            Some(column) => (format!("{} AS d", self.document), format!("d.{id}"), format!("d.{}", column.name), mine.as_str()),
            None => (format!("{revisions} AS r"), "r.id".to_owned(), "r.rv".to_owned(), ""),
        };
        let changed = format!(
            "SELECT TOP (@limit) {candidate} AS id FROM {source} WITH (READCOMMITTEDLOCK) \
             WHERE {raised} > CAST(@watermark AS binary(8)) AND {raised} < @ceiling{only} ORDER BY {raised}"
        );
        let (owner_column, owner_value) = match &self.owner {
            Some((_, value)) => ("owner, ".to_owned(), format!("{value}, ")),
            None => (String::new(), String::new()),
        };
        vec![
            ("document", self.document.clone()),
            ("id", id.clone()),
            ("id_type", self.id.column.declared.clone()),
            ("content", self.content.name.clone()),
            ("content_bytes", self.content_bytes()),
            ("mine", mine),
            ("columns", self.columns(&revision)),
            ("find_id", self.find("id", "asked")),
            ("find_last", self.find("last_id", "last")),
            ("id_text", self.id_text("d", id)),
            ("location_id", self.id_text("l", "id")),
            ("id_spelled", self.id_spelled("d", id)),
            ("asked_spelled", self.spelled("@id")),
            ("beside", format!("{}\n{located}", revision_join("LEFT JOIN"))),
            ("changed", changed),
            ("revision_join", revision_join("JOIN")),
            ("rowversion", self.rowversion.as_ref().map_or(String::new(), |column| column.name.clone())),
            ("revision", revision),
            ("location", location),
            ("revisions", revisions),
            ("place", place),
            ("attribute", attribute),
            ("owner_column", owner_column),
            ("owner_value", owner_value),
        ]
    }

    /// Declares the id as its column has it, from what was asked for. What the column's type cannot spell exactly is NULL, and so finds
    /// nothing: a number out of range, a text that would be cut short, a character that the code page would replace by one that looks like it.
    fn find(&self, variable: &str, asked: &str) -> String {
        let declared = &self.id.column.declared;
        match self.id.column.family {
            Family::Text { .. } => format!(
                "DECLARE @{variable} {declared} = CAST(@{asked} AS {declared});\n\
                 IF CAST(@{variable} AS nvarchar(512)) <> @{asked} COLLATE Latin1_General_100_BIN2 SET @{variable} = NULL;"
            ),
            Family::Flag
            | Family::Integer
            | Family::Guid
            | Family::Time
            | Family::Binary
            | Family::Image
            | Family::RowVersion
            | Family::Other => format!("DECLARE @{variable} {declared} = TRY_CAST(@{asked} AS {declared});"),
        }
    }

    /// An id as the model spells it.
    fn id_text(&self, alias: &str, name: &str) -> String {
        self.text_of(&format!("{alias}.{name}"))
    }

    fn text_of(&self, id: &str) -> String {
        match (self.id.column.family, self.id_kind) {
            // One id that is too large must not keep a walk from the others.
            (_, IdKind::Integer) => format!("TRY_CAST({id} AS bigint)"),
            (Family::Guid, IdKind::Text | IdKind::Uuid) => format!("CAST({id} AS nvarchar(36))"),
            // char and nchar fill up with blanks, which do not count in comparisons.
            (_, IdKind::Text | IdKind::Uuid) => format!("CAST(RTRIM({id}) AS nvarchar(512))"),
        }
    }

    /// An id in the text form that jobs, versions and differences have.
    pub(super) fn id_spelled(&self, alias: &str, name: &str) -> String {
        self.spelled(&format!("{alias}.{name}"))
    }

    fn spelled(&self, id: &str) -> String {
        match self.id_kind {
            IdKind::Integer => format!("CAST({id} AS nvarchar(40))"),
            IdKind::Text | IdKind::Uuid => self.text_of(id),
        }
    }

    /// The content as varbinary(max), whatever its column is.
    fn content_bytes(&self) -> String {
        if self.content.column.family == Family::Image {
            return format!("CAST(d.{} AS varbinary(max))", self.content.name);
        }
        format!("d.{}", self.content.name)
    }

    /// What a look-up selects: the order that `rows::read` relies on.
    fn columns(&self, revision: &str) -> String {
        let text = |column: &Option<Named>, own: &str| match column {
            Some(column) => format!("CAST(d.{} AS nvarchar(4000))", column.name),
            None => format!("a.{own}"),
        };
        format!(
            "s.phase, s.epoch, s.read_only, {id}, CAST({revision} AS bigint), CAST(DATALENGTH(d.{content}) AS bigint),\n    \
             CASE WHEN DATALENGTH(d.{content}) <= @inline THEN {bytes} END, {media_type}, {file_name},\n    {modified}, {soft_deleted},\n    \
             CAST(l.rv AS bigint), l.placement, l.object, l.stamp, l.length, l.sha256, l.pieces, l.revision, l.sole, l.media_type, l.file_name,\n    \
             l.held_from, l.verified_at",
            id = self.id_text("d", &self.id.name),
            content = self.content.name,
            bytes = self.content_bytes(),
            media_type = text(&self.media_type, "media_type"),
            file_name = text(&self.file_name, "file_name"),
            modified = self.modified_milliseconds(),
            soft_deleted = self.is_soft_deleted(),
        )
    }

    /// Times are read and written as UTC.
    fn modified_milliseconds(&self) -> String {
        let Some(Named { name, column }) = &self.modified else { return "CAST(NULL AS bigint)".to_owned() };
        match column.family {
            Family::Integer => format!("CAST(d.{name} AS bigint) * 1000"),
            Family::Time => format!("DATEDIFF_BIG(MILLISECOND, '19700101', d.{name})"),
            Family::Text { .. } => format!("DATEDIFF_BIG(MILLISECOND, '19700101', TRY_CONVERT(datetime2(3), d.{name}, 126))"),
            Family::Flag | Family::Guid | Family::Binary | Family::Image | Family::RowVersion | Family::Other => {
                "CAST(NULL AS bigint)".to_owned()
            }
        }
    }

    /// Marked is whatever is neither NULL nor some way to say no.
    fn is_soft_deleted(&self) -> String {
        let Some(Named { name, column }) = &self.soft_delete else { return "CAST(0 AS bit)".to_owned() };
        let marked = match column.family {
            Family::Flag | Family::Integer => format!("d.{name} <> 0"),
            Family::Text { .. } => format!("LOWER(d.{name}) NOT IN ('', '0', 'false', 'no')"),
            Family::Time | Family::Guid | Family::Binary | Family::Image | Family::RowVersion | Family::Other => {
                format!("d.{name} IS NOT NULL")
            }
        };
        format!("CAST(CASE WHEN {marked} THEN 1 ELSE 0 END AS bit)")
    }
}
