//! What a client says of its content and the customer's columns have no room for: a well-formed request that cannot be carried out.

use sluss::model::phase::Phase;
use sluss_tds::ground::Ground;

use super::house::{House, Plan, content, document};
use super::support::customers::ACME;
use super::wire::Ask;

const TABLE: &str = "CREATE TABLE dbo.documents (id bigint NOT NULL PRIMARY KEY, media_type varchar(10) NULL, file_name nvarchar(8) NULL, \
                     content varbinary(max) NULL)";

const COLLECTION: &str = "[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
                          media_type = \"media_type\"\nfile_name = \"file_name\"\ncreate = \"insert\"\n";

fn named(path: &str, name: &str) -> Ask {
    Ask::put(path, "other").with("Content-Disposition", format!("attachment; filename=\"{name}\""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_its_column_has_no_room_for_is_unprocessable_and_changes_nothing() {
    for phase in [Phase::Sql, Phase::Object] {
        let ground = Ground::new().await;
        ground.client().run(TABLE, &[]).unwrap();
        let sections = format!("{}{COLLECTION}[objects]\ndisk = \"../objects\"\n", ground.sql_section());
        let house = House::alone(tempfile::tempdir().unwrap(), Plan { phase, ..Plan::default() }, &sections).await;
        let witness = house.plant(&document(&ACME, "1"), content(1, 500)).await;
        for path in [witness.path.clone(), document(&ACME, "2")] {
            // A letter beyond the first 65536 takes the room of two.
            for name in ["nine.text", "seven.😀x"] {
                let detail = house.ask(&named(&path, name)).await.problem(422, "does-not-fit");
                assert!(detail.contains("column"), "{detail}");
            }
            house.ask(&Ask::put(&path, "other").with("Content-Type", "text/markdown")).await.problem(422, "does-not-fit");
        }
        house.assert_unchanged(&witness).await;
        house.get(&document(&ACME, "2")).await.problem(404, "not-found");
        for name in ["eight.tx", "six.x😀x"] {
            assert_eq!(house.ask(&named(&witness.path, name)).await.status, 204, "{name}");
        }
        assert!(house.get(&witness.path).await.header("content-disposition").contains("%F0%9F%98%80"));
        house.close().await;
    }
}
