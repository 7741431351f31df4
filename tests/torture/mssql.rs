//! A database on SQL Server, be it the test server or a real one. The test server's connections are cut, and its batches
//! chosen as victims, while the script runs: in look-ups, in pieces of contents, in the staging of others, and in final transactions.

use sluss_tds::client::{Client, Found, Given};
use sluss_tds::faults::{Cut, Rule};
use sluss_tds::ground::Ground;

use super::objects::Objects;
use super::stores::{Column, Named, Sql, Stores};

/// What each of the statements that are cut begins with, in its own words.
const CUT: [&str; 4] =
    ["One document, its location", "A piece of the content", "Appends at the end", "Every change of a document begins like this"];

/// Of the batches that a rule is about.
const OFTEN: f64 = 0.01;

const TABLE: &str = "CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, title nvarchar(max) NULL, media_type nvarchar(200) NULL, \
                     file_name nvarchar(400) NULL, modified_at datetime2(3) NULL, rv rowversion NOT NULL, content varbinary(max) NULL)";

pub struct SqlServer {
    ground: Ground,
    customer: Client,
    objects: Objects,
}

impl SqlServer {
    pub async fn create(seed: u64, objects: Objects) -> Self {
        let ground = Ground::new().await;
        let customer = ground.client();
        customer.run(TABLE, &[]).unwrap();
        if let Some(faults) = ground.faults() {
            faults.seed(seed);
            for statement in CUT {
                for rule in [
                    Rule::cut(Cut::BeforeExecution),
                    Rule::cut(Cut::AfterExecution),
                    Rule::cut(Cut::InAnswer(seed % 5_000)),
                    Rule::error(1205),
                    Rule::error(1222).rolling_back(true),
                ] {
                    faults.add(rule.containing(statement).probability(OFTEN));
                }
            }
        }
        Self { ground, customer, objects }
    }
}

impl Stores for SqlServer {
    fn tenant_file(&self) -> String {
        format!(
            "{}{}\
             [collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\nrevision = \"rv\"\n\
             media_type = \"media_type\"\nfile_name = \"file_name\"\nmodified = \"modified_at\"\ncreate = \"insert\"\n",
            self.ground.sql_section(),
            self.objects.section()
        )
    }

    fn calm(&self) {
        if let Some(faults) = self.ground.faults() {
            faults.clear();
        }
    }

    fn troubles(&self) -> Vec<(&'static str, u64)> {
        let Some(counts) = self.ground.faults().map(|faults| faults.counts()) else { return Vec::new() };
        vec![
            ("connection cut before", counts.cut_before_execution),
            ("connection cut after", counts.cut_after_execution),
            ("connection cut in the answer", counts.cut_in_answer),
            ("victim", counts.errors.values().sum()),
        ]
    }

    fn part_bytes(&self) -> Option<u64> {
        self.objects.part_bytes()
    }

    fn statement(&self, document: u32, sql: &Sql) -> Column {
        let (change, content) = match sql {
            Sql::Update(content) => ("UPDATE dbo.documents SET content = @P2 WHERE id = @P1;", Some(content.to_vec())),
            Sql::Clear => ("UPDATE dbo.documents SET content = NULL WHERE id = @P1;", None),
            Sql::Touch => ("UPDATE dbo.documents SET title = CONCAT(title, N'.') WHERE id = @P1;", None),
            Sql::Delete => ("DELETE FROM dbo.documents WHERE id = @P1;", None),
            Sql::Insert(content) => {
                ("IF @there = 0 INSERT INTO dbo.documents (id, content) VALUES (@P1, @P2);", content.as_ref().map(|bytes| bytes.to_vec()))
            }
            Sql::Replace(content) => (
                "DELETE FROM dbo.documents WHERE id = @P1; INSERT INTO dbo.documents (id, content) VALUES (@P1, @P2);",
                content.as_ref().map(|bytes| bytes.to_vec()),
            ),
            Sql::Peek => ("", None),
        };
        let batch = format!(
            "SET NOCOUNT ON; SET XACT_ABORT ON; DECLARE @there bit = 0, @before varbinary(max), @unused varbinary(max) = @P2; BEGIN TRANSACTION; \
             SELECT @there = 1, @before = d.content FROM dbo.documents AS d WITH (UPDLOCK, HOLDLOCK) WHERE d.id = @P1; \
             {change} COMMIT TRANSACTION; SELECT @there, @before;"
        );
        let rows = self.customer.run(&batch, &[Given::Integer(i64::from(document)), Given::Bytes(content)]).unwrap();
        match rows.last().map(Vec::as_slice) {
            Some([Found::Integer(0), _]) => Column::NoRow,
            Some([Found::Integer(_), Found::Null]) => Column::Null,
            Some([Found::Integer(_), Found::Bytes(bytes)]) => Column::Bytes(bytes.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn named(&self) -> Vec<Named> {
        let statement = "SELECT placement, object, length, sha256 FROM sluss.[location/acme/documents] WHERE object IS NOT NULL \
                         UNION ALL SELECT placement, object, length, sha256 FROM sluss.version WHERE object IS NOT NULL";
        let named = |row: Vec<Found>| match <[Found; 4]>::try_from(row).unwrap() {
            [Found::Text(placement), Found::Text(object), Found::Integer(length), Found::Bytes(sha256)] => {
                Named { placement, object, length: u64::try_from(length).unwrap(), sha256 }
            }
            other => panic!("{other:?}"),
        };
        self.customer.run(statement, &[]).unwrap().into_iter().map(named).collect()
    }
}
