//! What can be asked about the server, the session and the catalogue.

use super::{Emitter, Typed, literal};
use crate::engine::ast::{Call, Expr};
use crate::engine::catalog::{COLLATION, same};
use crate::engine::error::{Result, refused};
use crate::engine::kind::Kind;

const NAME: Kind = Kind::NVarChar(Some(128));

impl Emitter<'_> {
    /// `@@name`. What begins with a colon is bound by the session.
    pub fn global(&mut self, name: &str) -> Result<Typed> {
        Ok(match name {
            "@@rowcount" => Typed::value(":rowcount", Kind::Int),
            "@@trancount" => Typed::value(":trancount", Kind::Int),
            "@@error" => Typed::value(":error", Kind::Int),
            "@@spid" => Typed::value(":spid", Kind::SmallInt),
            "@@lock_timeout" => Typed::value(":lock_timeout", Kind::Int),
            "@@identity" => Typed::value(":identity", Kind::BigInt),
            "@@dbts" => Typed::value("(SELECT value FROM engine_counter)", Kind::RowVersion),
            "@@servername" => Typed::value("'tds'", NAME),
            "@@version" => Typed::value("'Microsoft SQL Server 2022 (a test server)'", Kind::NVarChar(Some(300))),
            _ => return Err(refused(format!("the variable {name}"))),
        })
    }

    /// `None`: it is no such function.
    pub fn server(&mut self, call: &Call) -> Result<Option<Typed>> {
        if let ("UPDATE", [Expr::Column(column)]) = (call.name.as_str(), &call.arguments[..]) {
            let set = |name: &String| column.last().is_some_and(|column| same(column, name));
            let updated = self.env.updated.as_ref().is_none_or(|updated| updated.iter().any(set));
            return Ok(Some(Typed::condition(if updated { "1" } else { "0" })));
        }
        let session = match (call.name.as_str(), call.arguments.len()) {
            ("SCOPE_IDENTITY", 0) => Typed::value(":identity", Kind::BigInt),
            ("XACT_STATE", 0) => Typed::value(":xact_state", Kind::SmallInt),
            ("ERROR_NUMBER", 0) => Typed::value(":error_number", Kind::Int),
            ("ERROR_MESSAGE", 0) => Typed::value(":error_message", Kind::NVarChar(Some(4000))),
            ("ERROR_SEVERITY", 0) => Typed::value(":error_severity", Kind::Int),
            ("ERROR_STATE", 0) => Typed::value(":error_state", Kind::Int),
            ("TRIGGER_NESTLEVEL", 0) => Typed::value(":level", Kind::Int),
            ("CONTEXT_INFO", 0) => Typed::value(":context_info", Kind::VarBinary(Some(128))),
            ("MIN_ACTIVE_ROWVERSION", 0) => Typed::value("(SELECT value + 1 FROM engine_counter)", Kind::RowVersion),
            ("DB_NAME" | "ORIGINAL_DB_NAME", _) => Typed::value("'tds'", NAME),
            ("DB_ID", _) => Typed::value("5", Kind::SmallInt),
            ("SUSER_SNAME" | "SUSER_NAME" | "ORIGINAL_LOGIN" | "USER_NAME", _) => Typed::value("'sluss'", NAME),
            ("HOST_NAME", 0) => Typed::value("'localhost'", NAME),
            ("APP_NAME", 0) => Typed::value("'sluss'", NAME),
            ("COLLATIONPROPERTY", 2) => {
                self.evaluated(call)?;
                Typed::value("1252", Kind::Int)
            }
            ("DATABASE_PRINCIPAL_ID" | "SUSER_ID" | "HAS_PERMS_BY_NAME" | "IS_MEMBER" | "IS_ROLEMEMBER" | "IS_SRVROLEMEMBER", _) => {
                self.evaluated(call)?;
                Typed::value("1", Kind::Int)
            }
            _ => return self.catalogued(call),
        };
        Ok(Some(session))
    }

    /// Arguments that do not matter must be right all the same.
    fn evaluated(&mut self, call: &Call) -> Result<Vec<Typed>> {
        call.arguments.iter().map(|argument| self.value(argument)).collect()
    }

    fn catalogued(&mut self, call: &Call) -> Result<Option<Typed>> {
        const KNOWN: [&str; 15] = [
            "SCHEMA_ID",
            "SCHEMA_NAME",
            "OBJECT_ID",
            "OBJECT_NAME",
            "OBJECT_SCHEMA_NAME",
            "COL_LENGTH",
            "COL_NAME",
            "TYPE_NAME",
            "TYPE_ID",
            "SERVERPROPERTY",
            "DATABASEPROPERTYEX",
            "COLUMNPROPERTY",
            "OBJECTPROPERTY",
            "SESSION_CONTEXT",
            "IDENT_CURRENT",
        ];
        if !KNOWN.contains(&call.name.as_str()) {
            return Ok(None);
        }
        let arguments = self.evaluated(call)?;
        let sql: Vec<&str> = arguments.iter().map(|argument| argument.sql.as_str()).collect();
        let found = match (call.name.as_str(), &sql[..]) {
            ("SCHEMA_ID", [name]) => Typed::value(format!("(SELECT id FROM engine_schema WHERE name = tds_bare_name({name}))"), Kind::Int),
            ("SCHEMA_NAME", []) => Typed::value("'dbo'", NAME),
            ("SCHEMA_NAME", [id]) => Typed::value(format!("(SELECT name FROM engine_schema WHERE id = {id})"), NAME),
            ("OBJECT_ID", [name]) => Typed::value(object(name, "1"), Kind::Int),
            ("OBJECT_ID", [name, kind]) => Typed::value(object(name, &format!("o.type = trim({kind}) COLLATE tds_ci")), Kind::Int),
            ("OBJECT_NAME", [id]) => Typed::value(format!("(SELECT name FROM engine_object WHERE id = {id})"), NAME),
            ("OBJECT_SCHEMA_NAME", [id]) => Typed::value(
                format!("(SELECT s.name FROM engine_object AS o JOIN engine_schema AS s ON s.id = o.schema WHERE o.id = {id})"),
                NAME,
            ),
            ("COL_LENGTH", [table, column]) => Typed::value(
                format!(
                    "(SELECT max_length FROM engine_column WHERE object = {} AND name = tds_bare_name({column}))",
                    object(table, "o.type = 'U'")
                ),
                Kind::SmallInt,
            ),
            ("COL_NAME", [id, number]) => {
                Typed::value(format!("(SELECT name FROM engine_column WHERE object = {id} AND number = {number})"), NAME)
            }
            ("TYPE_NAME", [id]) => Typed::value(format!("(SELECT name FROM engine_type WHERE user_type = {id})"), NAME),
            ("TYPE_ID", [name]) => {
                Typed::value(format!("(SELECT user_type FROM engine_type WHERE name = {name} COLLATE tds_ci)"), Kind::Int)
            }
            ("COLUMNPROPERTY", [id, name, property]) => Typed::value(
                format!(
                    "(SELECT CASE lower({property}) WHEN 'isidentity' THEN identity WHEN 'allowsnull' THEN nullable \
                     WHEN 'iscomputed' THEN 0 WHEN 'isrowguidcol' THEN row_guid WHEN 'columnid' THEN number END \
                     FROM engine_column WHERE object = {id} AND name = {name})"
                ),
                Kind::Int,
            ),
            ("OBJECTPROPERTY", [id, property]) => Typed::value(
                format!(
                    "(SELECT CASE lower({property}) WHEN 'istable' THEN type = 'U' WHEN 'isusertable' THEN type = 'U' \
                     WHEN 'istrigger' THEN type = 'TR' WHEN 'execistriggerdisabled' THEN disabled END FROM engine_object WHERE id = {id})"
                ),
                Kind::Int,
            ),
            ("SESSION_CONTEXT", [key]) => {
                Typed::value(format!("json_extract(:session_context, '$.' || lower({key}))"), Kind::NVarChar(Some(4000)))
            }
            ("IDENT_CURRENT", [table]) => Typed::value(
                format!("(SELECT next - step FROM engine_identity WHERE object = {})", object(table, "o.type = 'U'")),
                Kind::BigInt,
            ),
            ("SERVERPROPERTY" | "DATABASEPROPERTYEX", _) => return property(call).map(Some),
            _ => return Err(refused(format!("the function {} with {} arguments", call.name, sql.len()))),
        };
        Ok(Some(found))
    }
}

fn object(name: &str, condition: &str) -> String {
    format!(
        "(SELECT o.id FROM engine_object AS o JOIN engine_schema AS s ON s.id = o.schema \
         WHERE s.name || '.' || o.name = tds_object({name}) COLLATE tds_ci AND {condition})"
    )
}

fn property(call: &Call) -> Result<Typed> {
    let Some(Expr::Text { value: property, .. }) = call.arguments.last() else {
        return Err(refused(format!("{} of something that is no literal", call.name)));
    };
    Ok(match property.to_ascii_lowercase().as_str() {
        "productversion" => Typed::value("'16.0.4135.4'", NAME),
        "productmajorversion" => Typed::value("'16'", NAME),
        "productlevel" => Typed::value("'RTM'", NAME),
        "edition" => Typed::value("'Developer Edition (64-bit)'", NAME),
        "engineedition" => Typed::value("3", Kind::Int),
        "servername" => Typed::value("'tds'", NAME),
        "collation" => Typed::value(literal(COLLATION), NAME),
        "updateability" => Typed::value("'READ_WRITE'", NAME),
        "status" => Typed::value("'ONLINE'", NAME),
        "recovery" => Typed::value("'FULL'", NAME),
        "useraccess" => Typed::value("'MULTI_USER'", NAME),
        "ishadrenabled" => Typed::value("0", Kind::Int),
        _ => return Err(refused(format!("the property {property}"))),
    })
}
