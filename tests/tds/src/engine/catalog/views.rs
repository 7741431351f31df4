//! The catalogue views that may be asked, over the engine's own record.

use std::sync::Arc;

use super::{Column, Table};
use crate::engine::error::Result;
use crate::engine::kind::Kind;
use crate::engine::parse;

/// The one view whose rows depend on the tables that there are.
pub const PARTITIONS: &str = "partitions";

/// Name, columns in T-SQL, rows in SQLite.
const VIEWS: &[(&str, &str, &str)] = &[
    ("schemas", "name sysname, schema_id int, principal_id int", "SELECT name, id, 1 FROM engine_schema"),
    (
        "objects",
        "name sysname, object_id int, schema_id int, parent_object_id int, type varchar(2), type_desc nvarchar(60), is_ms_shipped bit, \
         create_date datetime",
        "SELECT name, id, schema, parent, type, CASE type WHEN 'U' THEN 'USER_TABLE' WHEN 'TR' THEN 'SQL_TRIGGER' \
         WHEN 'PK' THEN 'PRIMARY_KEY_CONSTRAINT' WHEN 'UQ' THEN 'UNIQUE_CONSTRAINT' WHEN 'F' THEN 'FOREIGN_KEY_CONSTRAINT' \
         WHEN 'C' THEN 'CHECK_CONSTRAINT' ELSE 'DEFAULT_CONSTRAINT' END, 0, 0 FROM engine_object",
    ),
    (
        "tables",
        "name sysname, object_id int, schema_id int, type varchar(2), type_desc nvarchar(60), is_ms_shipped bit, is_tracked_by_cdc bit, \
         is_published bit, is_merge_published bit, is_replicated bit, is_memory_optimized bit, temporal_type tinyint, \
         lock_escalation_desc nvarchar(60)",
        "SELECT name, id, schema, type, 'USER_TABLE', 0, 0, 0, 0, 0, 0, 0, 'TABLE' FROM engine_object WHERE type = 'U'",
    ),
    (
        "columns",
        "object_id int, name sysname, column_id int, system_type_id tinyint, user_type_id int, max_length smallint, precision tinyint, \
         scale tinyint, collation_name sysname, is_nullable bit, is_identity bit, is_computed bit, is_rowguidcol bit, is_filestream bit, \
         is_sparse bit, is_hidden bit, generated_always_type tinyint, encryption_type int, default_object_id int",
        "SELECT object, name, number, system_type, user_type, max_length, precision, scale, collation, nullable, identity, 0, row_guid, 0, \
         0, 0, 0, NULL, default_object FROM engine_column",
    ),
    ("identity_columns", "object_id int, name sysname, column_id int", "SELECT object, name, number FROM engine_column WHERE identity = 1"),
    ("computed_columns", "object_id int, name sysname, column_id int", "SELECT NULL, NULL, NULL WHERE 0"),
    (
        "types",
        "name sysname, system_type_id tinyint, user_type_id int, schema_id int, is_user_defined bit",
        "SELECT name, system_type, user_type, 4, 0 FROM engine_type",
    ),
    (
        "indexes",
        "object_id int, name sysname, index_id int, type tinyint, type_desc nvarchar(60), is_unique bit, is_primary_key bit, \
         is_unique_constraint bit, has_filter bit, filter_definition nvarchar(max), is_disabled bit, is_hypothetical bit, ignore_dup_key bit",
        "SELECT object, name, number, 2 - clustered, CASE clustered WHEN 1 THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END, is_unique, \
         primary_key, unique_constraint, filter IS NOT NULL, filter, 0, 0, 0 FROM engine_index",
    ),
    (
        "index_columns",
        "object_id int, index_id int, index_column_id int, column_id int, key_ordinal tinyint, partition_ordinal tinyint, \
         is_descending_key bit, is_included_column bit",
        "SELECT object, number, ordinal, column_number, CASE included WHEN 1 THEN 0 ELSE ordinal END, 0, descending, included \
         FROM engine_index_column",
    ),
    (
        "triggers",
        "name sysname, object_id int, parent_class tinyint, parent_id int, type varchar(2), type_desc nvarchar(60), is_ms_shipped bit, \
         is_disabled bit, is_not_for_replication bit, is_instead_of_trigger bit",
        "SELECT name, id, 1, parent, type, 'SQL_TRIGGER', 0, disabled, 0, 0 FROM engine_object WHERE type = 'TR'",
    ),
    (
        "trigger_events",
        "object_id int, type int, type_desc nvarchar(60), is_first bit, is_last bit",
        "SELECT trigger, CASE action WHEN 'INSERT' THEN 1 WHEN 'UPDATE' THEN 2 ELSE 3 END, action, 0, 0 FROM engine_trigger_event",
    ),
    (
        "foreign_keys",
        "name sysname, object_id int, schema_id int, parent_object_id int, referenced_object_id int, is_disabled bit, is_not_trusted bit, \
         delete_referential_action tinyint, delete_referential_action_desc nvarchar(60), update_referential_action tinyint, \
         update_referential_action_desc nvarchar(60)",
        "SELECT o.name, o.id, o.schema, o.parent, f.referenced, 0, 0, \
         CASE f.on_delete WHEN 'CASCADE' THEN 1 WHEN 'SET NULL' THEN 2 WHEN 'SET DEFAULT' THEN 3 ELSE 0 END, replace(f.on_delete, ' ', '_'), \
         CASE f.on_update WHEN 'CASCADE' THEN 1 WHEN 'SET NULL' THEN 2 WHEN 'SET DEFAULT' THEN 3 ELSE 0 END, replace(f.on_update, ' ', '_') \
         FROM engine_object AS o JOIN engine_foreign_key AS f ON f.id = o.id",
    ),
    (
        "foreign_key_columns",
        "constraint_object_id int, constraint_column_id int, parent_object_id int, parent_column_id int, referenced_object_id int, \
         referenced_column_id int",
        "SELECT c.id, c.ordinal, o.parent, c.parent_column, f.referenced, c.referenced_column FROM engine_foreign_key_column AS c \
         JOIN engine_foreign_key AS f ON f.id = c.id JOIN engine_object AS o ON o.id = c.id",
    ),
    (
        "key_constraints",
        "name sysname, object_id int, schema_id int, parent_object_id int, type varchar(2), unique_index_id int",
        "SELECT o.name, o.id, o.schema, o.parent, o.type, i.number FROM engine_object AS o \
         JOIN engine_index AS i ON i.object = o.parent AND i.name = o.name WHERE o.type IN ('PK', 'UQ')",
    ),
    (
        "check_constraints",
        "name sysname, object_id int, schema_id int, parent_object_id int, definition nvarchar(max), is_disabled bit, is_not_trusted bit",
        "SELECT name, id, schema, parent, definition, 0, 0 FROM engine_object WHERE type = 'C'",
    ),
    (
        "default_constraints",
        "name sysname, object_id int, schema_id int, parent_object_id int, parent_column_id int, definition nvarchar(max)",
        "SELECT o.name, o.id, o.schema, o.parent, c.number, o.definition FROM engine_object AS o \
         JOIN engine_column AS c ON c.default_object = o.id WHERE o.type = 'D'",
    ),
    (
        "configurations",
        "configuration_id int, name nvarchar(35), value int, value_in_use int",
        "SELECT 1536, 'max text repl size (B)', 65536, 65536 UNION ALL SELECT 115, 'nested triggers', 1, 1",
    ),
    ("fulltext_index_columns", "object_id int, column_id int", "SELECT NULL, NULL WHERE 0"),
    // The rows are counted by the catalogue, which can look into the tables.
    (PARTITIONS, "object_id int, index_id int, partition_number int, rows bigint", "SELECT NULL, NULL, NULL, NULL WHERE 0"),
    ("sql_modules", "object_id int, definition nvarchar(max)", "SELECT id, definition FROM engine_object WHERE type = 'TR'"),
    (
        "databases",
        "name sysname, database_id int, is_read_committed_snapshot_on bit, snapshot_isolation_state tinyint, \
         snapshot_isolation_state_desc nvarchar(60), is_cdc_enabled bit, recovery_model tinyint, recovery_model_desc nvarchar(60), \
         collation_name sysname, compatibility_level tinyint, is_read_only bit, state tinyint, state_desc nvarchar(60), is_auto_close_on bit",
        "SELECT 'tds', 5, 1, 1, 'ON', 0, 1, 'FULL', 'SQL_Latin1_General_CP1_CI_AS', 160, 0, 0, 'ONLINE', 0",
    ),
    (
        "fn_my_permissions",
        "entity_name sysname, subentity_name sysname, permission_name nvarchar(60)",
        "SELECT 'database', '', value FROM json_each('[\"SELECT\",\"INSERT\",\"UPDATE\",\"DELETE\",\"REFERENCES\",\"EXECUTE\",\"ALTER\",\
         \"CONTROL\",\"CONNECT\",\"CREATE TABLE\",\"CREATE SCHEMA\",\"VIEW DEFINITION\",\"VIEW DATABASE STATE\",\"ALTER ANY SCHEMA\"]')",
    ),
];

/// A view as a table, and its rows as a query whose columns have the view's names.
pub fn view(name: &str) -> Result<Option<(Table, String)>> {
    let Some((name, columns, rows)) = VIEWS.iter().find(|(known, ..)| super::same(known, name)) else { return Ok(None) };
    let columns: Vec<Column> = parse::columns(columns)?.columns.iter().zip(1..).map(|(text, number)| of_catalogue(number, text)).collect();
    let names: Vec<String> = columns.iter().map(|column| super::quoted(&column.name)).collect();
    // A CTE gives the columns their names, whatever the query calls them.
    let rows = format!("(WITH v ({}) AS ({rows}) SELECT * FROM v)", names.join(", "));
    let table = Table { id: -1, schema: "sys".to_owned(), name: (*name).to_owned(), columns };
    Ok(Some((table, rows)))
}

/// Texts of the catalogue have the database's collation, so that they may be compared with anything.
fn of_catalogue(number: i64, text: &crate::engine::ast::ColumnText) -> Column {
    let mut column = Column::of_text(number, text);
    if column.kind.is_text() {
        column.collation = Some(Arc::from(super::COLLATION));
    }
    column
}

/// What `sys.types` has: every type that a column may have.
pub const TYPES: [&str; 22] = [
    "bit",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "decimal(18)",
    "float",
    "char(1)",
    "varchar(1)",
    "nchar(1)",
    "nvarchar(1)",
    "binary(1)",
    "varbinary(1)",
    "image",
    "uniqueidentifier",
    "date",
    "datetime",
    "datetime2(7)",
    "timestamp",
    "sysname",
    "text",
    "ntext",
];

/// The numbers of a type by its name, where it is one of those that are kept as another one.
pub fn type_numbers(spelled: &str) -> (&str, i64, i64) {
    match spelled {
        "sysname" => ("sysname", 231, 256),
        "text" => ("text", 35, 35),
        "ntext" => ("ntext", 99, 99),
        other => {
            let (name, number) = Kind::spelled(other).map_or(("int", 56), Kind::system);
            (name, number, number)
        }
    }
}
