//! Sluss's own tables and triggers, in the customer's database and in the control database: as a script for a DBA to read and run, or run here.
//! Everything in it is safe to run twice. The customer's table gets a trigger only where it has no rowversion, and never a column.

use std::sync::Arc;

use super::batch::Batch;
use super::catalogue::Family;
use super::fault::Fault;
use super::server::SqlServer;
use super::table::{Named, Table, Unfit};
use super::tenant::describe;
use super::text::{self, literal, quoted};
use super::{STORE, ddl, presence};
use crate::config::DeleteRule;
use crate::model::document::ContentColumn;
use crate::model::id::{IdKind, MAX_DOC_ID_BYTES};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::settings::TenantSettings;

/// Raised with every change of the tables; what is new for older ones is added to `ddl` as statements that look first.
pub(super) const SCHEMA_VERSION: i64 = 4;

/// What `sysname` leaves for the two names in the longest of ours, `attribute_moved/<tenant>/<collection>`.
const MAX_OWN_NAME_BYTES: usize = 110;

/// A clustered index takes keys of up to 900 bytes, any other one of up to 1,700.
const MAX_CLUSTERED_BYTES: i64 = 900;

/// Waiting for a lock on the customer's table, DDL holds up everybody behind it; rather give up and come again.
pub(super) const PATIENCE: &str = "SET LOCK_TIMEOUT 5000;\n";

/// The schema and the tables that all tenants share, batch by batch.
pub(super) const SHARED: [&str; 6] =
    [ddl::SCHEMA, ddl::SHARED, ddl::SHARED_SINCE_1, ddl::SHARED_SINCE_2, ddl::SHARED_SINCE_3, ddl::SHARED_INDEXES];

/// The DDL for one tenant, batch by batch.
pub(super) fn script(tables: &[Table]) -> Vec<String> {
    let mut script = SHARED.map(str::to_owned).to_vec();
    tables.iter().for_each(|table| script.extend(beside(table)));
    script
}

/// Our tables and triggers beside one of the customer's.
pub(super) fn beside(table: &Table) -> Vec<String> {
    let mut script = vec![fill(table, ddl::LOCATION), fill(table, ddl::LOCATION_SINCE_1)];
    if table.lacks_attributes() {
        script.push(fill(table, ddl::ATTRIBUTE));
    }
    if table.rowversion.is_none() {
        script.extend([ddl::REVISION, ddl::REVISION_TRIGGER, ddl::REVISION_CATCH_UP].map(|text| fill(table, text)));
    }
    script.push(fill(table, ddl::RETIRED_TRIGGER));
    if table.owner.is_some() {
        script.push(fill(table, ddl::MOVED_TRIGGER));
        if table.lacks_attributes() {
            script.push(fill(table, ddl::ATTRIBUTE_MOVED_TRIGGER));
        }
    }
    script
}

/// What stands for names in the DDL, besides those of statements.
pub(super) fn fill(table: &Table, text: &str) -> String {
    let name = |what: &str| format!("{what}/{}/{}", table.tenant, table.collection);
    let own = |what: &str| table.own(what);
    let key = |what: &str| quoted(&format!("{}_key", name(what)));
    let foreign_key = |what: &str| if table.cascades { references(table, &quoted(&format!("{}_row", name(what)))) } else { String::new() };
    let (owner_definition, owner_literal) = match &table.owner {
        Some((Named { column, .. }, value)) => (format!("owner {} NOT NULL,\n    ", column.with_collation()), value.clone()),
        None => (String::new(), String::new()),
    };
    let inserted_mine = table.owner.as_ref().map_or(String::new(), |(column, value)| format!(" AND i.{} = {value}", column.name));
    let deleted_mine = table.owner.as_ref().map_or(String::new(), |(column, value)| format!(" AND x.{} = {value}", column.name));
    let clustering = if table.id.column.max_length > MAX_CLUSTERED_BYTES { "NONCLUSTERED" } else { "CLUSTERED" };
    let values: [(&str, String); 22] = [
        ("deleted_mine", deleted_mine),
        ("clustering", clustering.to_owned()),
        ("attribute_moved_trigger", own("attribute_moved")),
        ("location_literal", literal(&own("location"))),
        ("place_literal", literal(&own("place"))),
        ("attribute_literal", literal(&own("attribute"))),
        ("revision_literal", literal(&own("revision"))),
        ("location_key", key("location")),
        ("place_key", key("place")),
        ("attribute_key", key("attribute")),
        ("revision_key", key("revision")),
        ("foreign_key", foreign_key("location")),
        ("attribute_foreign_key", foreign_key("attribute")),
        ("revision_foreign_key", foreign_key("revision")),
        ("id_definition", table.id.column.with_collation()),
        ("owner_definition", owner_definition),
        ("owner_literal", owner_literal),
        ("inserted_mine", inserted_mine),
        ("retired_trigger", own("retired")),
        ("moved_trigger", own("moved")),
        ("revision_trigger", format!("{}.{}", table.schema, quoted(&format!("sluss/{}", name("revision"))))),
        ("deleted_spelled", table.id_spelled("x", "id")),
    ];
    let literals = [("tenant_literal", literal(table.tenant.as_str())), ("collection_literal", literal(table.collection.as_str()))];
    let values: Vec<(&str, &str)> = values.iter().chain(&literals).map(|(name, value)| (*name, value.as_str())).collect();
    table.fill(text, &values)
}

/// A row that is deleted straight in SQL takes ours with it, and one whose id changes takes them along.
fn references(table: &Table, name: &str) -> String {
    let id = &table.id.column.name;
    let ours: Vec<&str> = table.key.iter().map(|column| if super::catalogue::same_name(column, id) { "id" } else { "owner" }).collect();
    let theirs: Vec<String> = table.key.iter().map(|column| quoted(column)).collect();
    format!(
        ",\n    CONSTRAINT {name} FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE CASCADE ON UPDATE CASCADE",
        ours.join(", "),
        table.document,
        theirs.join(", ")
    )
}

/// The batch that makes the tenant's own rows, with its parameters.
pub(super) fn rows(settings: &TenantSettings, tables: &[Table]) -> Batch<'static> {
    let collections: String = tables.iter().map(|table| fill(table, ddl::COLLECTION)).collect();
    let placements: String = settings
        .placements
        .iter()
        .map(|placement| {
            let (name, description) = (literal(placement.name.as_str()), literal(&placement.description));
            text::fill(ddl::PLACEMENT, &[("name", &name), ("description", &description)])
        })
        .collect();
    let text = format!("{}{placements}{collections}COMMIT TRANSACTION;\n{}SELECT 'done' AS outcome;\n", ddl::TENANT, ddl::VERSION_CATCH_UP);
    Batch::new(text).with("tenant", "varchar(63)", settings.id.as_str()).with("phase", "varchar(16)", settings.initial_phase.label()).with(
        "version",
        "int",
        SCHEMA_VERSION,
    )
}

/// Refuses a table that a collection cannot be, with what to do about it.
pub(super) fn check(table: &Table) -> Result<(), Unfit> {
    let (id, content) = (&table.id, &table.content);
    let document = &table.document;
    let unfit = |what: String| Err(Unfit(what));
    if table.tenant.as_str().len() + table.collection.as_str().len() > MAX_OWN_NAME_BYTES {
        return unfit(format!(
            "our tables are named after the tenant and the collection, and a name has at most 128 characters: {} and {} together may have \
             {MAX_OWN_NAME_BYTES}",
            table.tenant, table.collection
        ));
    }
    let suits = match (table.id_kind, id.column.family) {
        (IdKind::Integer, Family::Integer) | (IdKind::Text, Family::Text { .. }) | (IdKind::Uuid, Family::Guid) => true,
        // Two spellings of one UUID are one document only where the column says so, too.
        (IdKind::Uuid, Family::Text { .. }) => id.column.collation.as_deref().is_some_and(|collation| collation.contains("_CI_")),
        (IdKind::Integer | IdKind::Text | IdKind::Uuid, _) => false,
    };
    if !suits {
        let hint = "\"integer\" takes whole numbers, \"text\" (n)(var)char, and \"uuid\" uniqueidentifier or a text compared without regard to case";
        return unfit(format!("column {} of {document} is {}, which id_type contradicts: {hint}", id.name, id.column.declared));
    }
    if matches!(id.column.family, Family::Text { .. }) && id.column.max_chars().is_none_or(|chars| chars > MAX_DOC_ID_BYTES as i64) {
        return unfit(format!("column {} of {document} is {}: ids have up to {MAX_DOC_ID_BYTES} characters", id.name, id.column.declared));
    }
    if id.column.foreign_code_page && matches!(id.column.family, Family::Text { wide: false }) {
        return unfit(format!(
            "column {} of {document} is of another code page than the database, which cannot spell all of its ids: make it nvarchar, or of the \
             database's collation",
            id.name
        ));
    }
    // A bounded one would be cut short, or filled up.
    let is_large = content.column.family == Family::Binary && content.column.max_length < 0 && !content.column.filestream;
    if !is_large && content.column.family != Family::Image {
        return unfit(format!(
            "column {} of {document} is {}: documents are varbinary(max) or image (FILESTREAM and text are not supported)",
            content.name, content.column.declared
        ));
    }
    match (table.rules.column, content.column.nullable) {
        (ContentColumn::Nullable, false) => {
            return unfit(format!("column {} of {document} is NOT NULL: say content_nullable = false", content.name));
        }
        (ContentColumn::NotNull, true) => {
            return unfit(format!("column {} of {document} takes NULL, and content_nullable = false says that it does not", content.name));
        }
        (ContentColumn::Nullable, true) | (ContentColumn::NotNull, false) => {}
    }
    if let Some(column) = table.rowversion.as_ref().filter(|column| column.column.family != Family::RowVersion) {
        return unfit(format!("column {} of {document} is {}, and revision names a rowversion", column.name, column.column.declared));
    }
    if table.owner.is_some() && table.key.len() != 2 {
        return unfit(format!(
            "{document} is shared by tenants and has no unique index over the tenant column and the id: CREATE UNIQUE INDEX one, so that a row \
             that changes its tenant takes its location along"
        ));
    }
    match table.rules.delete {
        DeleteRule::Row | DeleteRule::Content | DeleteRule::Soft => Ok(()),
    }
}

/// The tables of a tenant as the catalogue has them, each fit to be a collection.
pub(super) async fn tables(server: &Arc<SqlServer>, settings: &TenantSettings) -> StoreResult<Vec<Table>> {
    let mut tables = Vec::with_capacity(settings.collections.len());
    for config in &settings.collections {
        let table = describe(server, &settings.id, config, settings.history).await?;
        check(&table).map_err(|unfit| StoreError::new(STORE, "init", &settings.id, StoreErrorKind::Other).because(unfit))?;
        tables.push(table);
    }
    Ok(tables)
}

/// Creates what is missing and leaves what is there: safe to run twice. The phase is written once, at the first run.
pub async fn init(server: &Arc<SqlServer>, settings: &TenantSettings) -> StoreResult<()> {
    let tables = tables(server, settings).await?;
    let made = async {
        make(server, &tables).await?;
        server.run(&rows(settings, &tables)).await.map(|_| ())
    };
    made.await.map_err(|fault| fault.at("init", &settings.id))
}

/// A login that may make nothing is enough where somebody else has run the script: then all of it is there.
async fn make(server: &Arc<SqlServer>, tables: &[Table]) -> Result<(), Fault> {
    for text in script(tables) {
        if let Err(fault) = run_ddl(server, &text).await {
            let is_done = fault.may_lack_a_right() && presence::missing(server, tables).await?.is_empty();
            return if is_done { catch_up(server, tables).await } else { Err(fault) };
        }
    }
    Ok(())
}

/// Rows that came while no trigger watched, as by a bulk load: giving them revisions takes no right to make anything.
async fn catch_up(server: &Arc<SqlServer>, tables: &[Table]) -> Result<(), Fault> {
    for table in tables.iter().filter(|table| table.rowversion.is_none()) {
        server.run(&Batch::new(fill(table, ddl::REVISION_CATCH_UP))).await?;
    }
    Ok(())
}

/// The control database's tables, where they are missing.
pub(super) async fn init_control(server: &Arc<SqlServer>) -> StoreResult<()> {
    let made = async {
        // The one that the DDL makes last.
        let there =
            server.run(&Batch::new("SELECT CAST(CASE WHEN OBJECT_ID(N'sluss.tick_seen', N'U') IS NULL THEN 0 ELSE 1 END AS bit);")).await?;
        if there.into_iter().next().ok_or_else(super::tenant::silent)?.flag()? {
            return Ok(());
        }
        run_ddl(server, ddl::SCHEMA).await?;
        run_ddl(server, ddl::CONTROL).await
    };
    made.await.map_err(|fault: Fault| fault.at("prepare", "the control database"))
}

/// A trigger has to be a batch's first statement, so it waits for as long as the session's own `lock_timeout`.
async fn run_ddl(server: &Arc<SqlServer>, text: &str) -> Result<(), Fault> {
    let is_trigger = text.lines().any(|line| line.starts_with("CREATE OR ALTER TRIGGER"));
    let text = if is_trigger { text.to_owned() } else { format!("{PATIENCE}{text}") };
    server.run(&Batch::new(text)).await.map(|_| ())
}
