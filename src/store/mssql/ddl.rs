//! Sluss's own tables and triggers as plain T-SQL, each file safe to run twice.

pub(super) const ATTRIBUTE: &str = include_str!("ddl/attribute.sql");
pub(super) const ATTRIBUTE_MOVED_TRIGGER: &str = include_str!("ddl/attribute_moved_trigger.sql");
pub(super) const COLLECTION: &str = include_str!("ddl/collection.sql");
pub(super) const CONTROL: &str = include_str!("ddl/control.sql");
pub(super) const LOCATION: &str = include_str!("ddl/location.sql");
pub(super) const LOCATION_SINCE_1: &str = include_str!("ddl/location_since_1.sql");
pub(super) const MOVED_TRIGGER: &str = include_str!("ddl/moved_trigger.sql");
pub(super) const PLACEMENT: &str = include_str!("ddl/placement.sql");
pub(super) const REMOVE_COLLECTION: &str = include_str!("ddl/remove_collection.sql");
pub(super) const REMOVE_GUARD: &str = include_str!("ddl/remove_guard.sql");
pub(super) const REMOVE_ROWS: &str = include_str!("ddl/remove_rows.sql");
pub(super) const RETIRED_TRIGGER: &str = include_str!("ddl/retired_trigger.sql");
pub(super) const REVISION: &str = include_str!("ddl/revision.sql");
pub(super) const REVISION_CATCH_UP: &str = include_str!("ddl/revision_catch_up.sql");
pub(super) const REVISION_TRIGGER: &str = include_str!("ddl/revision_trigger.sql");
pub(super) const SCHEMA: &str = include_str!("ddl/schema.sql");
pub(super) const SHARED: &str = include_str!("ddl/shared.sql");
pub(super) const SHARED_INDEXES: &str = include_str!("ddl/shared_indexes.sql");
pub(super) const SHARED_SINCE_1: &str = include_str!("ddl/shared_since_1.sql");
pub(super) const SHARED_SINCE_2: &str = include_str!("ddl/shared_since_2.sql");
pub(super) const SHARED_SINCE_3: &str = include_str!("ddl/shared_since_3.sql");
pub(super) const TENANT: &str = include_str!("ddl/tenant.sql");
pub(super) const VERSION_CATCH_UP: &str = include_str!("ddl/version_catch_up.sql");
