//! Lists of a collection's documents: pages in SQL's order, of what clients can see.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::Connection;
use serde_json::Value;
use sluss::model::phase::Phase;

use super::house::House;
use super::made::{MADE, assert_head_is_the_same, collection, house, json, post};
use super::wire::Ask;

async fn page(house: &House, name: &str, limit: usize, after: Option<&str>) -> (Vec<Value>, Option<String>) {
    let after = after.map_or(String::new(), |after| format!("&after={}", utf8_percent_encode(after, NON_ALPHANUMERIC)));
    let mut page = json(&house.get(&format!("{}?limit={limit}{after}", collection(name))).await);
    let next = page["next"].as_str().map(str::to_owned);
    assert!(next.is_some() || page["next"].is_null(), "{page}");
    let Value::Array(documents) = page["documents"].take() else { panic!("{page}") };
    assert!(documents.len() <= limit);
    (documents, next)
}

/// All pages one after the other.
async fn walk(house: &House, name: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (documents, next) = page(house, name, limit, after.as_deref()).await;
        all.extend(documents);
        match next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn ids(documents: &[Value]) -> Vec<String> {
    documents.iter().map(|document| document["id"].as_str().unwrap().to_owned()).collect()
}

fn ids_in_sql(database: &Connection, rows: &str) -> Vec<String> {
    let mut statement = database.prepare(&format!("SELECT CAST(id AS TEXT) FROM {rows} ORDER BY id")).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn each_document_says_what_a_read_of_it_would_say_in_every_phase() {
    for phase in Phase::ALL {
        let (house, database) = house(phase).await;
        let first = Ask::put(collection("documents/1"), "12345").with("Content-Type", "text/plain");
        assert_eq!(house.ask(&first.with("Content-Disposition", "attachment; filename*=UTF-8''r%C3%A5.txt")).await.status, 201);
        assert_eq!(house.ask(&Ask::put(collection("documents/20"), "")).await.status, 201);
        database.execute("INSERT INTO documents (id, kind, file_name) VALUES (3, 'theirs', 'later.txt')", []).unwrap();
        house.settle(&MADE).await;

        let all = walk(&house, "documents", 2).await;
        assert_eq!(ids(&all), ["1", "3", "20"], "{phase}");
        let etag = |answer: &super::wire::Answer| Value::from(answer.header("etag"));
        let (one, twenty) = (house.get(&collection("documents/1")).await, house.get(&collection("documents/20")).await);
        let held_by = match phase {
            Phase::Sql => "sql",
            Phase::Shadow | Phase::Dual => "both",
            Phase::Object | Phase::Sealed => "object",
        };
        let expected = serde_json::json!({
            "id": "1", "size": 5, "media_type": "text/plain", "file_name": "rå.txt", "modified": all[0]["modified"], "etag": etag(&one),
            "held_by": held_by,
        });
        assert_eq!(all[0], expected, "{phase}");
        let modified: jiff::Timestamp = all[0]["modified"].as_str().unwrap().parse().unwrap();
        assert_eq!(httpdate::fmt_http_date(modified.into()), one.header("last-modified"));
        assert_eq!((&all[2]["size"], &all[2]["etag"]), (&Value::from(0), &etag(&twenty)), "{phase}");
        let none = serde_json::json!({
            "id": "3", "size": null, "media_type": null, "file_name": "later.txt", "modified": null, "etag": null, "held_by": null,
        });
        assert_eq!(all[1], none, "{phase}");
        assert_head_is_the_same(&house, &collection("documents?limit=2")).await;
        house.close().await;
    }
}

#[tokio::test]
async fn pages_of_any_size_come_to_the_same_list_and_the_last_one_says_so() {
    let (house, database) = house(Phase::Shadow).await;
    for number in 0..7 {
        assert_eq!(house.ask(&post("notes", format!("note {number}"))).await.status, 201);
        assert_eq!(house.ask(&post("contracts", format!("contract {number}"))).await.status, 201);
    }
    database.execute("INSERT INTO notes VALUES ('globex', 'Å/another customer''s', x'01'), ('acme', 'a&b=c+d/å%', x'02')", []).unwrap();
    database.execute("UPDATE contracts SET gone = 'yes' WHERE id = (SELECT min(id) FROM contracts)", []).unwrap();
    // As another program would spell it.
    database.execute("UPDATE contracts SET id = upper(id) WHERE id = (SELECT max(id) FROM contracts)", []).unwrap();
    for (name, mine) in [("notes", "notes WHERE owner = 'acme'"), ("contracts", "contracts WHERE gone IS NULL")] {
        let expected = ids_in_sql(&database, mine);
        assert!(expected.len() >= 6);
        for limit in [1, 2, 3, expected.len(), expected.len() + 1, 1000] {
            assert_eq!(ids(&walk(&house, name, limit).await), expected, "{name} by {limit}");
        }
        let (documents, next) = page(&house, name, expected.len(), None).await;
        assert_eq!((documents.len(), next), (expected.len(), None));
        let (_, next) = page(&house, name, expected.len() - 1, None).await;
        assert_eq!(next.as_ref(), expected.get(expected.len() - 2));
    }
    assert_eq!(page(&house, "papers", 10, None).await, (Vec::new(), None));
    let counted = "sluss_requests_total{code=\"200\",operation=\"list\",served_from=\"-\",tenant=\"acme\"}";
    assert!(house.metric(counted).await > 10.0);
    house.close().await;
}

/// What is there all the time comes exactly once, however much comes and goes beside it.
#[tokio::test]
async fn a_walk_goes_on_where_it_was_while_documents_come_and_go() {
    let (house, database) = house(Phase::Dual).await;
    let insert = |id: i64| {
        database.execute("INSERT INTO documents (id, kind, content) VALUES (?1, 'x', x'01')", [id]).unwrap();
    };
    (1..=40).map(|number| number * 10).for_each(insert);
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    for round in 1.. {
        let (documents, next) = page(&house, "documents", 4, after.as_deref()).await;
        seen.extend(ids(&documents).iter().map(|id| id.parse::<i64>().unwrap()));
        let Some(next) = next else { break };
        let at: i64 = next.parse().unwrap();
        // The place itself goes, a later one goes, one comes before it, and one after.
        database.execute("DELETE FROM documents WHERE id IN (?1, ?1 + 20) AND id % 20 = 0", [at]).unwrap();
        insert(at - 7);
        insert(at + 3 + round);
        after = Some(next);
    }
    assert!(seen.is_sorted_by(|one, other| one < other), "{seen:?}");
    let lasting: Vec<i64> = (1..=40).map(|number| number * 10).filter(|id| id % 20 != 0).collect();
    assert!(lasting.iter().all(|id| seen.contains(id)), "{seen:?}");
    assert!(seen.len() > 40, "what came after the place was seen, too: {seen:?}");
    house.close().await;
}

/// A page is looked for among so many rows and no more; then it ends before it is full, and the walk goes on.
#[tokio::test]
async fn a_table_full_of_deleted_rows_is_walked_in_bounded_steps() {
    let (house, database) = house(Phase::Sql).await;
    database
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
             INSERT INTO contracts (id, gone, content) \
             SELECT printf('00000000-0000-4000-a000-%012d', i), CASE WHEN i IN (1, 1200) THEN NULL ELSE 'yes' END, x'01' FROM n",
        )
        .unwrap();
    let (first, next) = page(&house, "contracts", 1, None).await;
    assert_eq!(first.len(), 1);
    assert!(next.is_some(), "the end was not seen yet");
    assert_eq!(ids(&walk(&house, "contracts", 1).await).len(), 2);
    let (whole, next) = page(&house, "contracts", 100, None).await;
    assert_eq!((whole.len(), next), (2, None));
    house.close().await;
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_and_says_what_is() {
    let (house, _) = house(Phase::Sql).await;
    for (query, word) in [
        ("limit=0", "1 to 1000"),
        ("limit=1001", "1 to 1000"),
        ("limit=-1", "1 to 1000"),
        ("limit=1e2", "1 to 1000"),
        ("limit=", "1 to 1000"),
        ("limit=1&limit=2", "twice"),
        ("offset=10", "offset"),
        ("after=x", "integer"),
        ("after=%ff", "UTF-8"),
    ] {
        let answer = house.get(&format!("{}?{query}", collection("documents"))).await;
        let detail = answer.problem(400, "bad-request");
        assert!(detail.contains(word), "{query}: {detail}");
    }
    json(&house.get(&format!("{}?after=&limit=1000", collection("documents"))).await);
    house.get(&collection("nowhere")).await.problem(404, "not-found");
    house.get("/v1/tenants/initech/documents").await.problem(404, "not-found");
    house.close().await;
}
