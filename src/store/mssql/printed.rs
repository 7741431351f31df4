//! `init --print-sql`: what `init` would run, on paper, for a DBA to read and run, and the least grants behind it. It asks the catalogue and
//! changes nothing.

use std::sync::Arc;

use super::batch::Batch;
use super::fault::Fault;
use super::grants::{Grant, of_sluss, of_table};
use super::paper::{Paper, check_names, revision_index};
use super::schema::{self, SCHEMA_VERSION};
use super::server::SqlServer;
use super::table::Table;
use super::text::literal;
use super::{ddl, statements};
use crate::config::SqlServerConfig;
use crate::store::error::StoreResult;
use crate::store::settings::TenantSettings;

/// Editions with which an index can be made while the table is in use, as SERVERPROPERTY('EngineEdition') has them: Enterprise (and Developer),
/// Azure SQL Database, Managed Instance.
const WITH_ONLINE: [i64; 3] = [3, 5, 8];

/// The script for one tenant.
pub async fn print(server: &Arc<SqlServer>, config: &SqlServerConfig, settings: &TenantSettings) -> StoreResult<String> {
    check_names(config, settings)?;
    let tables = schema::tables(server, settings).await?;
    let known = async {
        let mut rows = Vec::with_capacity(tables.len());
        for table in &tables {
            rows.push(rows_of(server, &table.document).await?);
        }
        Ok((online(server).await?, rows))
    };
    let (online, rows) = known.await.map_err(|fault: Fault| fault.at("read the catalogue for", &settings.id))?;
    let mut paper = Paper::new(&format!(
        "Sluss for tenant {}: what it needs in database {} on {}:{} (schema version {SCHEMA_VERSION}).",
        settings.id, config.database, config.host, config.port
    ));
    paper.say("Printed by `sluss init --print-sql`, which has changed nothing. `sluss init` finds nothing left to make after this script.");
    paper.how_to_run(config);
    paper.say(LOG);
    paper.begin_session(config);
    shared(&mut paper);
    for (table, rows) in tables.iter().zip(rows) {
        collection(&mut paper, table, rows);
    }
    paper.heading("The tenant's own rows");
    paper.say("The phase is written once, and is the operators' from then on. Only these rows name the tenant; everything above is DDL.");
    paper.batch(&schema::rows(settings, &tables).by_hand());
    tables.iter().filter(|table| table.rowversion.is_some()).for_each(|table| index(&mut paper, table, online));
    give(&mut paper, config, &tables);
    Ok(paper.finish())
}

/// The script for the control database.
#[must_use]
pub fn print_control(config: &SqlServerConfig) -> String {
    let mut paper = Paper::new(&format!("Sluss's control database: {} on {}:{}.", config.database, config.host, config.port));
    paper.say("Operators, heartbeats, limits and the audit; no documents, and nothing beside a table of anybody else's. Printed by `sluss init --print-sql`.");
    paper.how_to_run(config);
    paper.begin_session(config);
    paper.heading("The schema and its tables");
    paper.batch(ddl::SCHEMA);
    paper.batch(ddl::CONTROL);
    give(&mut paper, config, &[]);
    paper.finish()
}

const LOG: &str = "\nTransaction log: what is below writes little. Moving content back into SQL does: each content is written to staging and \
                   then to its row, so 2 GB of content costs at least 4 GB of log, which is free again after the next log backup (recovery \
                   models FULL and BULK_LOGGED) or checkpoint (SIMPLE). Give the log room for the largest contents in flight.";

fn shared(paper: &mut Paper) {
    paper.heading("The schema, and the tables that all tenants of this database share");
    paper.say("Locks nothing of yours. The schema belongs to dbo, as your tables do, so that triggers need no grants for your programs.");
    schema::SHARED.into_iter().for_each(|batch| paper.batch(batch));
}

fn collection(paper: &mut Paper, table: &Table, rows: Option<u64>) {
    paper.heading(&format!("Collection {}: beside {}", table.collection, table.document));
    if table.cascades {
        paper.say(&format!(
            "The foreign keys take a schema lock (Sch-M) on {} for an instant: our tables are empty, so no row is read. They keep our rows \
             together with yours; TRUNCATE TABLE and ALTER TABLE ... SWITCH are refused on your table from then on. Leave them out with \
             foreign_key = false in the tenant's file.",
            table.document
        ));
    } else {
        paper.say(&format!("foreign_key = false: {} is left alone, and a sweep finds rows that were deleted.", table.document));
    }
    if table.rowversion.is_none() {
        paper.say(&without_rowversion(table, rows));
    }
    let mut batches = schema::beside(table).into_iter();
    if let Some(first) = batches.next() {
        paper.line("");
        paper.batch(&first);
    }
    batches.for_each(|batch| paper.batch(&batch));
}

fn without_rowversion(table: &Table, rows: Option<u64>) -> String {
    let document = &table.document;
    let growth = match rows {
        Some(rows) => format!("about {} ({rows} rows by the catalogue, 8 bytes each)", bytes(rows.saturating_mul(8))),
        None => "8 bytes a row (this login may not see how many there are)".to_owned(),
    };
    format!(
        "\n{document} has no rowversion in the configuration. So a revision for each of its rows stands in a table of ours, and a trigger on \
         {document} raises it, whoever writes. Making the trigger takes a schema lock (Sch-M) for an instant. Then the rows that are there \
         get their revisions, 2000 at a time, with shared locks on your rows and a few bytes of log for each. The trigger answers nothing; \
         but programs that use OUTPUT without INTO on this table fail with error 334 on any table with a trigger. Some object mappers do: \
         tell them that it has one.\n\
         \nThe alternative, without a trigger, is a column of your own, named as `revision` in the tenant's file before this script is \
         printed again:\n    ALTER TABLE {document} ADD [rv] rowversion;\n\
         It makes the table larger by {growth}, besides pages that split, and rewrites every row, with several times that in the log; and it \
         holds a schema lock on the table all that time, so nobody reads or writes it meanwhile. It is not part of this script."
    )
}

/// The incremental sweep's.
fn index(paper: &mut Paper, table: &Table, online: bool) {
    let rowversion = table.rowversion.as_ref().map_or("", |column| column.name.as_str());
    let raw = table.rowversion.as_ref().map_or("", |column| column.column.name.as_str());
    let document = &table.document;
    paper.heading(&format!("An index on the revision of {document}"));
    paper.say(
        "Agents ask every minute what has changed since. With this index they read what has changed; without it the table is scanned each \
         time. It is yours to leave out, or to have by another name: any index that begins with this column will do.",
    );
    paper.say(if online {
        "ONLINE = ON, which this edition of SQL Server has (Enterprise, Developer and Azure do): the table stays readable and writable while \
         it is built, but for an instant at the beginning and at the end."
    } else {
        "ONLINE = OFF, because this edition of SQL Server has no other way (Enterprise, Developer and Azure have): nobody writes to the table \
         while it is built. Run this batch when that does no harm."
    });
    paper.batch(&format!(
        "IF NOT EXISTS (SELECT 1 FROM sys.index_columns AS k JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id\n    \
         WHERE k.object_id = OBJECT_ID({}) AND k.key_ordinal = 1 AND c.name = {})\n\
         CREATE INDEX {} ON {document} ({rowversion}) WITH (ONLINE = {});",
        literal(document),
        literal(raw),
        revision_index(table),
        if online { "ON" } else { "OFF" },
    ));
}

fn give(paper: &mut Paper, config: &SqlServerConfig, tables: &[Table]) {
    let user = config.user.as_str();
    paper.heading(&format!("The least grants for {user}"));
    paper.say(
        "The login itself is yours to make (CREATE LOGIN ... WITH PASSWORD), as is its user here if it goes by another name. A login that is \
         sysadmin takes no grants, and should not be Sluss's.",
    );
    let mut batch = format!(
        "IF ISNULL(IS_SRVROLEMEMBER(N'sysadmin', {0}), 0) = 0\nBEGIN\n    IF DATABASE_PRINCIPAL_ID({0}) IS NULL\n        \
         CREATE USER {1} FOR LOGIN {1};\n",
        literal(user),
        super::text::quoted(user),
    );
    let mut add = |grant: &Grant| batch.push_str(&format!("    -- {}\n    {}\n", grant.reason, grant.give(user)));
    of_sluss().iter().for_each(&mut add);
    tables.iter().flat_map(of_table).for_each(|grant| add(&grant));
    batch.push_str("END;");
    paper.batch(&batch);
}

/// `None`: this login may not see it.
pub(super) async fn rows_of(server: &Arc<SqlServer>, document: &str) -> Result<Option<u64>, Fault> {
    let asked = server.run(&Batch::new(statements::DOCTOR_ROWS).with("table", "nvarchar(600)", document)).await;
    let Some(mut row) = super::fault::seen(asked)?.and_then(|mut rows| rows.pop()) else { return Ok(None) };
    let (rows, partitions) = (row.count()?, row.count()?);
    Ok((partitions > 0).then_some(rows))
}

async fn online(server: &Arc<SqlServer>) -> Result<bool, Fault> {
    let Some(mut row) = server.run(&Batch::new(statements::DOCTOR_SERVER)).await?.pop() else { return Ok(false) };
    let (_version, _edition) = (row.text_or_null()?, row.text_or_null()?);
    Ok(row.integer_or_null()?.is_some_and(|edition| WITH_ONLINE.contains(&edition)))
}

/// For people.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes.div_ceil(1 << 20)),
        _ => format!("{} GiB", bytes.div_ceil(1 << 30)),
    }
}
