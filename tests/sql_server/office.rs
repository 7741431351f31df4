//! One customer with two tables in one database, and commands that are typed about it.

use std::fs;

use http::{HeaderMap, Method, StatusCode};
use sluss::body;
use sluss_s3::free_port;
use sluss_tds::client::{Client, Found};
use sluss_tds::ground::Ground;

use crate::support::lab::Seat;
use crate::support::process::Process;
use crate::support::said::Said;

/// One with a rowversion and columns for everything, and one with neither.
pub const TABLES: &str = "
CREATE TABLE dbo.documents (
    id bigint NOT NULL PRIMARY KEY, media_type nvarchar(200) NULL, file_name nvarchar(400) NULL, modified datetime2(0) NULL,
    rv rowversion NOT NULL, content varbinary(max) NULL
);
CREATE TABLE dbo.[letters ]]s] ([its id] varchar(200) NOT NULL PRIMARY KEY, [the body] varbinary(max) NULL);
INSERT INTO dbo.documents (id, content) VALUES (1, 0x010203), (2, 0x0405);
INSERT INTO dbo.[letters ]]s] ([its id], [the body]) VALUES ('a', 0x06), ('b', NULL), ('c', 0x07);
";

pub const COLLECTIONS: &str = r#"
[collections.documents]
table = "documents"
id = "id"
id_type = "integer"
content = "content"
media_type = "media_type"
file_name = "file_name"
modified = "modified"
revision = "rv"
create = "insert"

[collections.letters]
table = "letters ]s"
id = "its id"
id_type = "text"
content = "the body"
create = "insert"
delete = "content"
"#;

pub struct Office {
    pub ground: Ground,
    pub seat: Seat,
    pub client: Client,
}

impl Office {
    pub async fn open() -> Self {
        Self::with(TABLES, COLLECTIONS).await
    }

    /// `tables`: the customer's; `collections`: what the tenant's file says of them, and whatever may stand before them in it.
    pub async fn with(tables: &str, collections: &str) -> Self {
        let ground = Ground::new().await;
        let client = ground.client();
        client.run(tables, &[]).unwrap();
        let seat = seat(&ground);
        let office = Self { ground, seat, client };
        office.configure(collections);
        office
    }

    pub fn configure(&self, collections: &str) {
        self.place("object", collections, "[objects]\ndisk = \"../../objects\"\n");
    }

    /// The same, beginning in this phase, with objects where this section says.
    pub fn place(&self, phase: &str, collections: &str, objects: &str) {
        let tenant = self.ground.folder().join("config/tenants/acme.toml");
        fs::write(tenant, format!("phase = \"{phase}\"\n{}\n{collections}\n{objects}", self.ground.sql_section())).unwrap();
    }

    /// A command as an operator types it.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Process::command(&self.seat, arguments);
        command.env("SLUSS_ADMIN_URL", format!("http://127.0.0.1:{}", self.seat.admin));
        Said::of(command.output().unwrap())
    }

    /// What a DBA does with a script: every batch by itself.
    pub fn run_script(&self, script: &str) {
        for batch in batches(script) {
            self.client.run(&batch, &[]).unwrap_or_else(|words| panic!("{words}\nin:\n{batch}"));
        }
    }

    pub fn serve(&self) -> Process {
        let mut process = Process::start(&self.seat, &["serve"]);
        process.wait_for(self.seat.documents);
        process
    }

    /// The status of a request for a document, and its body.
    pub async fn ask(&self, method: Method, document: &str, content: Option<&'static [u8]>) -> (StatusCode, Vec<u8>) {
        let body = content.map_or_else(body::empty, body::full);
        let path = format!("/v1/tenants/acme/{document}");
        let answer = self.seat.documents_client().request(method, &path, HeaderMap::new(), body).await.unwrap();
        let status = answer.status;
        (status, answer.bytes(1 << 20).await.unwrap().to_vec())
    }

    /// Every table, trigger and constraint that there is, by its name.
    pub fn objects(&self) -> Vec<String> {
        let statement = "SELECT s.name, o.name, o.type FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id \
                         WHERE o.is_ms_shipped = 0 ORDER BY s.name, o.name";
        let text = |cell: &Found| if let Found::Text(text) = cell { text.trim().to_owned() } else { panic!("{cell:?}") };
        let rows = self.client.run(statement, &[]).unwrap();
        rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(" ")).collect()
    }

    pub fn number(&self, statement: &str) -> i64 {
        match self.client.run(statement, &[]).unwrap().pop().and_then(|mut row| row.pop()) {
            Some(Found::Integer(number)) => number,
            other => panic!("{statement}: {other:?}"),
        }
    }
}

/// As sqlcmd cuts a script.
pub fn batches(script: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in script.lines() {
        if line.trim().eq_ignore_ascii_case("GO") {
            batches.push(String::new());
        } else if let Some(batch) = batches.last_mut() {
            batch.push_str(line);
            batch.push('\n');
        }
    }
    batches.retain(|batch| batch.lines().any(|line| !line.trim().is_empty() && !line.starts_with("--")));
    batches
}

fn seat(ground: &Ground) -> Seat {
    let folder = ground.folder().join("config");
    fs::create_dir_all(folder.join("tenants")).unwrap();
    let (documents, admin) = (free_port(), free_port());
    let text = format!(
        "auth = \"none\"\n[listeners]\ndocuments = \"127.0.0.1:{documents}\"\nadmin = \"127.0.0.1:{admin}\"\n\
         [control]\ndatabase = \"sqlite:../control.db\"\n[agents]\npoll_min = \"20ms\"\npoll_max = \"200ms\"\n"
    );
    fs::write(folder.join("sluss.toml"), text).unwrap();
    Seat { name: "acme".to_owned(), documents, admin, config: folder.join("sluss.toml") }
}
