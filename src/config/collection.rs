//! `[collections.<name>]`: how one of the customer's document tables looks, and what a PUT and a DELETE may do to it. Nothing about
//! it is guessed; `sluss init` refuses what the database's catalogue contradicts.

use toml::de::DeValue;

use super::section::Section;
use super::tenant::{Backend, same_identifier};
use super::value::{self, Parsed};
use crate::model::document::ContentColumn;
use crate::model::id::{CollectionName, IdKind};

/// SQL Server's longest identifier.
const MAX_IDENTIFIER_CHARS: usize = 128;

/// How one of the customer's document tables looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionConfig {
    pub name: CollectionName,
    /// On SQL Server only, which has `dbo` without it.
    pub schema: Option<String>,
    pub table: String,
    pub id_column: String,
    pub id_kind: IdKind,
    pub content_column: String,
    /// On SQL Server only: the table's own rowversion. Without it Sluss keeps a revision beside the row.
    pub revision_column: Option<String>,
    /// On SQL Server only: whether Sluss's rows go with the document's by a foreign key and triggers; else a sweep finds rows that are gone.
    pub foreign_key: bool,
    /// Whether the content column takes NULL.
    pub nullability: ContentColumn,
    pub media_type_column: Option<String>,
    pub file_name_column: Option<String>,
    pub modified_column: Option<String>,
    /// Set where a document is deleted and its row stays.
    pub soft_delete_column: Option<String>,
    /// Where many tenants share the table.
    pub tenant: Option<TenantColumn>,
    pub create: CreateRule,
    pub delete: DeleteRule,
    /// What a browser is to do with a document.
    pub disposition: Disposition,
    /// What further columns get in a row that a PUT inserts.
    pub defaults: Vec<(String, ColumnValue)>,
}

/// Which rows of a shared table are a tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantColumn {
    pub column: String,
    pub value: ColumnValue,
}

/// A value that the configuration gives to a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnValue {
    Text(String),
    Integer(i64),
    Flag(bool),
}

/// What a PUT does where there is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateRule {
    /// It inserts one.
    Insert,
    /// Nothing: the application inserts its rows itself.
    Existing,
}

/// What a DELETE does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteRule {
    /// The row goes.
    Row,
    /// The row stays, without content.
    Content,
    /// The row stays, and is marked.
    Soft,
}

/// `Content-Disposition` of every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is saved.
    Attachment,
    /// It is shown where the browser can.
    Inline,
}

impl Disposition {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Inline => "inline",
        }
    }
}

impl CollectionConfig {
    /// A table with nothing but an id and a content that may be NULL, in which a PUT inserts and a DELETE deletes.
    pub fn plain(name: CollectionName, table: &str, id_column: &str, id_kind: IdKind, content_column: &str) -> Self {
        Self {
            name,
            schema: None,
            table: table.to_owned(),
            id_column: id_column.to_owned(),
            id_kind,
            content_column: content_column.to_owned(),
            revision_column: None,
            foreign_key: true,
            nullability: ContentColumn::Nullable,
            media_type_column: None,
            file_name_column: None,
            modified_column: None,
            soft_delete_column: None,
            tenant: None,
            create: CreateRule::Insert,
            delete: DeleteRule::Row,
            disposition: Disposition::Attachment,
            defaults: Vec::new(),
        }
    }

    /// Every column that is named, each of which has to be there.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let optional =
            [&self.revision_column, &self.media_type_column, &self.file_name_column, &self.modified_column, &self.soft_delete_column];
        let always = [self.id_column.as_str(), self.content_column.as_str()].into_iter();
        let tenant = self.tenant.iter().map(|tenant| tenant.column.as_str());
        let defaults = self.defaults.iter().map(|(column, _)| column.as_str());
        always.chain(optional.into_iter().flatten().map(String::as_str)).chain(tenant).chain(defaults)
    }
}

/// `None` only beside a problem.
pub(super) fn read(name: &str, section: &mut Section<'_>, backend: Backend) -> Option<CollectionConfig> {
    let identifier = |value: &DeValue<'_>| checked_identifier(value::text(value)?, backend);
    let name = name.parse::<CollectionName>().map_err(|error| section.refuse_whole(error.to_string())).ok();
    let table = section.required("table", "name the documents' table", identifier);
    let id_column = section.required("id", "name the column of the document's id", identifier);
    let id_kind = section.required("id_type", "say \"integer\", \"text\" or \"uuid\"", id_kind);
    let content_column = section.required("content", "name the column of the content", identifier);
    let nullable = section.flag("content_nullable", true);
    let media_type_column = section.optional("media_type", identifier);
    let file_name_column = section.optional("file_name", identifier);
    let modified_column = section.optional("modified", identifier);
    let soft_delete_column = section.optional("soft_delete", identifier);
    let SqlServerKeys { schema, revision_column, foreign_key } = read_sql_server_keys(section, backend);
    let tenant = read_tenant(section, backend);
    let create = section.optional("create", create_rule).unwrap_or(match backend {
        Backend::Sqlite => CreateRule::Insert,
        // Tables that have been there for years have columns that only the application can fill.
        Backend::SqlServer => CreateRule::Existing,
    });
    let delete = section.optional("delete", delete_rule).unwrap_or(DeleteRule::Row);
    if delete == DeleteRule::Soft && soft_delete_column.is_none() && !section.is_refused("soft_delete") {
        section.refuse("delete", "\"soft\" needs a column to mark: name it as soft_delete");
    }
    let disposition = section.optional("disposition", disposition).unwrap_or(Disposition::Attachment);
    let defaults = section.optional("defaults", |value| column_values(value, backend)).unwrap_or_default();
    if create == CreateRule::Existing && !defaults.is_empty() {
        section.refuse("defaults", "are for rows that a PUT inserts, and create = \"existing\" lets it insert none");
    }
    let tenant_column = tenant.as_ref().map(|tenant| tenant.column.clone());
    let named = [
        ("id", &id_column),
        ("content", &content_column),
        ("revision", &revision_column),
        ("media_type", &media_type_column),
        ("file_name", &file_name_column),
        ("modified", &modified_column),
        ("soft_delete", &soft_delete_column),
        ("tenant_column", &tenant_column),
    ];
    refuse_shared_columns(section, &named);
    refuse_defaults_of(section, &defaults, &named);
    Some(CollectionConfig {
        name: name?,
        schema,
        table: table?,
        id_column: id_column?,
        id_kind: id_kind?,
        content_column: content_column?,
        revision_column,
        foreign_key,
        nullability: if nullable { ContentColumn::Nullable } else { ContentColumn::NotNull },
        media_type_column,
        file_name_column,
        modified_column,
        soft_delete_column,
        tenant,
        create,
        delete,
        disposition,
        defaults,
    })
}

/// What only a table on SQL Server has.
struct SqlServerKeys {
    schema: Option<String>,
    revision_column: Option<String>,
    foreign_key: bool,
}

fn read_sql_server_keys(section: &mut Section<'_>, backend: Backend) -> SqlServerKeys {
    match backend {
        Backend::SqlServer => {
            let identifier = |value: &DeValue<'_>| checked_identifier(value::text(value)?, backend);
            SqlServerKeys {
                schema: section.optional("schema", identifier),
                revision_column: section.optional("revision", identifier),
                foreign_key: section.flag("foreign_key", true),
            }
        }
        Backend::Sqlite => {
            section.refuse_foreign(&["schema", "revision", "foreign_key"], "is for a table on SQL Server, and [sql] names a SQLite file");
            SqlServerKeys { schema: None, revision_column: None, foreign_key: true }
        }
    }
}

fn read_tenant(section: &mut Section<'_>, backend: Backend) -> Option<TenantColumn> {
    let column = section.optional("tenant_column", |value| checked_identifier(value::text(value)?, backend));
    let value = section.optional("tenant_value", column_value);
    match (column, value) {
        (Some(column), Some(value)) => Some(TenantColumn { column, value }),
        (Some(_), None) if !section.is_refused("tenant_value") => {
            section.refuse("tenant_column", "needs tenant_value beside it: what this tenant's rows have in that column");
            None
        }
        (None, Some(_)) if !section.is_refused("tenant_column") => {
            section.refuse("tenant_value", "needs tenant_column beside it: where the table says whose a row is");
            None
        }
        (Some(_) | None, None) | (None, Some(_)) => None,
    }
}

fn refuse_shared_columns(section: &mut Section<'_>, columns: &[(&'static str, &Option<String>)]) {
    for (index, (key, column)) in columns.iter().enumerate() {
        let Some(column) = column else { continue };
        let same = |(_, other): &&(&'static str, &Option<String>)| other.as_deref().is_some_and(|other| same_identifier(other, column));
        if let Some((other, _)) = columns[..index].iter().find(same) {
            section.refuse(key, format!("{column:?} is the column of {other:?}, too"));
        }
    }
}

fn refuse_defaults_of(section: &mut Section<'_>, defaults: &[(String, ColumnValue)], columns: &[(&'static str, &Option<String>)]) {
    for (key, column) in columns {
        let Some(column) = column else { continue };
        if defaults.iter().any(|(other, _)| same_identifier(other, column)) {
            section.refuse("defaults", format!("{column:?} is the column of {key:?}, which a PUT sets itself"));
        }
    }
}

/// Any name that can be quoted: with '"' in SQLite, with brackets on SQL Server, where a closing one is doubled.
fn checked_identifier(name: &str, backend: Backend) -> Parsed<String> {
    let (length, forbidden, hint): (usize, &[char], &str) = match backend {
        Backend::Sqlite => (name.chars().count(), &['\0', '"'], "without '\"'"),
        Backend::SqlServer => (name.encode_utf16().count(), &['\0'], "without NUL"),
    };
    if (1..=MAX_IDENTIFIER_CHARS).contains(&length) && !name.contains(forbidden) {
        Ok(name.to_owned())
    } else {
        Err(format!("{} is not an SQL name: use 1 to {MAX_IDENTIFIER_CHARS} characters {hint}", value::shown(name)))
    }
}

fn id_kind(value: &DeValue<'_>) -> Parsed<IdKind> {
    match value::text(value)? {
        "integer" => Ok(IdKind::Integer),
        "text" => Ok(IdKind::Text),
        "uuid" => Ok(IdKind::Uuid),
        other => Err(format!("{} is not known: say \"integer\", \"text\" or \"uuid\"", value::shown(other))),
    }
}

fn create_rule(value: &DeValue<'_>) -> Parsed<CreateRule> {
    match value::text(value)? {
        "insert" => Ok(CreateRule::Insert),
        "existing" => Ok(CreateRule::Existing),
        other => Err(format!("{} is not known: say \"insert\" or \"existing\"", value::shown(other))),
    }
}

fn delete_rule(value: &DeValue<'_>) -> Parsed<DeleteRule> {
    match value::text(value)? {
        "row" => Ok(DeleteRule::Row),
        "content" => Ok(DeleteRule::Content),
        "soft" => Ok(DeleteRule::Soft),
        other => Err(format!("{} is not known: say \"row\", \"content\" or \"soft\"", value::shown(other))),
    }
}

fn disposition(value: &DeValue<'_>) -> Parsed<Disposition> {
    match value::text(value)? {
        "attachment" => Ok(Disposition::Attachment),
        "inline" => Ok(Disposition::Inline),
        other => Err(format!("{} is not known: say \"attachment\" or \"inline\"", value::shown(other))),
    }
}

fn column_value(value: &DeValue<'_>) -> Parsed<ColumnValue> {
    if let Ok(text) = value::text(value) {
        return if text.contains('\0') { Err("holds a NUL".to_owned()) } else { Ok(ColumnValue::Text(text.to_owned())) };
    }
    if let Ok(flag) = value::flag(value) {
        return Ok(ColumnValue::Flag(flag));
    }
    value::integer(value)
        .map(ColumnValue::Integer)
        .map_err(|_| format!("needs a text, an integer, true or false, found {}", value.type_str()))
}

fn column_values(value: &DeValue<'_>, backend: Backend) -> Parsed<Vec<(String, ColumnValue)>> {
    let table = value.as_table().ok_or_else(|| format!("needs a table of columns and values, found {}", value.type_str()))?;
    let read = |(column, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
        let column = checked_identifier(column.get_ref(), backend)?;
        let value = column_value(value.get_ref()).map_err(|reason| format!("{column}: {reason}"))?;
        Ok((column, value))
    };
    table.iter().map(read).collect()
}
