//! The document listener, held to its own document.

use http::Method;
use sluss::gateway::routes::default_routes;

use super::described::Described;
use super::house::{Ask, House, MAX_BYTES};
use super::support::wait::block_on;

const DOCUMENT: &str = "/v1/tenants/acme/documents/";

fn asks(method: Method) -> impl Fn(&str) -> Ask {
    move |id| Ask::new(&method, format!("{DOCUMENT}{id}"))
}

#[test]
fn the_document_listener_answers_as_its_document_says() {
    let house = House::open();
    let database = house.lab.database();
    // A table that refuses rows, so that there are conflicts.
    let refusals = "CREATE UNIQUE INDEX one_name ON documents (file_name);
         CREATE TRIGGER kept BEFORE DELETE ON documents WHEN OLD.id = 3 BEGIN SELECT RAISE(ABORT, 'this one stays'); END;";
    database.execute_batch(refusals).unwrap();
    block_on(async {
        let mut described = Described::of(house.seat.documents_client()).await;
        let table = default_routes().into_iter().map(|route| (route.method.to_string(), route.config.template.to_string()));
        let own = ["GET", "HEAD"].map(|method| (method.to_owned(), "/openapi.json".to_owned()));
        assert_eq!(described.operations(), table.chain(own).collect(), "the document's operations, and the router's");
        described.expect(200, &Ask::new(&Method::HEAD, "/openapi.json").by(None)).await;
        reads(&mut described).await;
        writes(&mut described).await;
        // Sluss keeps no history in `sql`.
        database.execute("UPDATE sluss_state SET phase = 'dual' WHERE tenant = 'acme'", []).unwrap();
        history(&mut described).await;
        deletes(&mut described).await;
        creates(&mut described).await;
        tells(&mut described).await;
        assert_eq!(described.unseen(), [""; 0], "promised, and never seen");
    });
}

async fn reads(described: &mut Described) {
    for method in [Method::GET, Method::HEAD] {
        let ask = asks(method);
        let told = described.expect(200, &ask("1")).await;
        let tag = told.headers["etag"].clone();
        described.expect(304, &ask("1").with("If-None-Match", &tag)).await;
        described.expect(412, &ask("1").with("If-Match", "\"other\"")).await;
        common(described, &ask).await;
        described.expect(404, &ask("99")).await;
    }
    let ask = asks(Method::GET);
    described.expect(206, &ask("1").with("Range", "bytes=0-9")).await;
    described.expect(416, &ask("1").with("Range", "bytes=99999999-")).await;
}

async fn writes(described: &mut Described) {
    let ask = asks(Method::PUT);
    let put = |id: &str| ask(id).body(b"content".to_vec());
    described.expect(201, &put("10")).await;
    described.expect(204, &put("10").with("Content-Type", "text/plain")).await;
    described.expect(412, &put("10").with("If-None-Match", "*")).await;
    described.expect(409, &put("10").with("Content-Disposition", "attachment; filename=\"1.txt\"")).await;
    described.expect(413, &ask("10").body(vec![0; MAX_BYTES as usize + 1])).await;
    described.expect(415, &put("10").with("Content-Encoding", "gzip")).await;
    described.expect(400, &put("10").with("Content-Range", "bytes 0-6/7")).await;
    described.expect(400, &put("10").with("Content-Type", "nonsense")).await;
    described.expect(404, &Ask::new(&Method::PUT, "/v1/tenants/nobody/documents/1").body(b"content".to_vec())).await;
    common(described, &put).await;
}

/// Of a document that has had three contents, the first under a name that another document has by now.
async fn history(described: &mut Described) {
    let put = |id: &str, name: &str| {
        let named = format!("attachment; filename=\"{name}\"");
        asks(Method::PUT)(id).with("Content-Disposition", named).body(name.as_bytes().to_vec())
    };
    let taken = described.expect(201, &put("20", "taken.txt")).await.headers["etag"].clone();
    let free = described.expect(204, &put("20", "free.txt")).await.headers["etag"].clone();
    described.expect(204, &put("20", "current.txt")).await;
    described.expect(201, &put("21", "taken.txt")).await;
    let path = |tag: &str| format!("20/versions/{}", tag.trim_matches('"'));
    for method in [Method::GET, Method::HEAD] {
        let ask = asks(method.clone());
        described.expect(200, &ask("20/versions?limit=1")).await;
        described.expect(400, &ask("20/versions?limit=0")).await;
        described.expect(404, &Ask::new(&method, "/v1/tenants/acme/others/1/versions")).await;
        described.expect(417, &ask("20/versions").with("Expect", "a miracle")).await;
        described.refuses_who_may_not(&ask("20/versions")).await;
        described.expect(200, &ask(&path(&free))).await;
        described.expect(304, &ask(&path(&free)).with("If-None-Match", &free)).await;
        described.expect(412, &ask(&path(&free)).with("If-Match", "\"other\"")).await;
        described.expect(400, &ask("20/versions/nonsense")).await;
        described.expect(404, &ask("20/versions/r-1-ffffff")).await;
        described.expect(417, &ask(&path(&free)).with("Expect", "a miracle")).await;
        described.refuses_who_may_not(&ask(&path(&free))).await;
    }
    described.expect(206, &asks(Method::GET)(&path(&free)).with("Range", "bytes=0-2")).await;
    described.expect(416, &asks(Method::GET)(&path(&free)).with("Range", "bytes=99-")).await;
    described.expect(200, &asks(Method::HEAD)(&path(&free)).with("Range", "bytes=99-")).await;
    let restore = |tag: &str| asks(Method::POST)(&format!("{}/restore", path(tag)));
    described.expect(400, &restore("nonsense")).await;
    described.expect(404, &restore("r-1-ffffff")).await;
    described.expect(409, &restore(&taken)).await;
    described.expect(412, &restore(&free).with("If-Match", "\"other\"")).await;
    described.expect(417, &restore(&free).with("Expect", "a miracle")).await;
    described.refuses_who_may_not(&restore(&free)).await;
    described.expect(200, &restore(&free)).await;
}

async fn deletes(described: &mut Described) {
    let ask = asks(Method::DELETE);
    described.expect(412, &ask("10").with("If-Match", "\"other\"")).await;
    described.expect(204, &ask("10")).await;
    described.expect(404, &ask("10")).await;
    described.expect(409, &ask("3")).await;
    common(described, &ask).await;
}

async fn creates(described: &mut Described) {
    let post = |collection: &str| Ask::new(&Method::POST, format!("/v1/tenants/acme/{collection}")).body(b"content".to_vec());
    let told = described.expect(201, &post("documents")).await;
    described.expect(200, &Ask::new(&Method::GET, &told.headers["location"])).await;
    described.expect(400, &post("documents").with("If-Match", "no tag")).await;
    described.expect(404, &post("others")).await;
    described.expect(409, &post("documents").with("Content-Disposition", "attachment; filename=\"1.txt\"")).await;
    described.expect(412, &post("documents").with("If-Match", "*")).await;
    described.expect(413, &post("documents").body(vec![0; MAX_BYTES as usize + 1])).await;
    described.expect(415, &post("documents").with("Content-Encoding", "gzip")).await;
    described.expect(417, &post("documents").with("Expect", "a miracle")).await;
    described.refuses_who_may_not(&post("documents")).await;
}

/// Lists and metadata.
async fn tells(described: &mut Described) {
    for method in [Method::GET, Method::HEAD] {
        let ask = |path: &str| Ask::new(&method, format!("/v1/tenants/acme/{path}"));
        for page in ["documents", "documents?limit=1&after=1", "documents?after=99999"] {
            described.expect(200, &ask(page)).await;
        }
        described.expect(400, &ask("documents?limit=0")).await;
        described.expect(404, &ask("others")).await;
        described.expect(417, &ask("documents").with("Expect", "a miracle")).await;
        described.refuses_who_may_not(&ask("documents")).await;
        described.expect(200, &ask("documents/1/metadata")).await;
        described.expect(400, &ask("documents/one/metadata")).await;
        described.expect(404, &ask("documents/99/metadata")).await;
        described.expect(417, &ask("documents/1/metadata").with("Expect", "a miracle")).await;
        described.refuses_who_may_not(&ask("documents/1/metadata")).await;
    }
}

async fn common(described: &mut Described, ask: &impl Fn(&str) -> Ask) {
    described.expect(400, &ask("not-a-number")).await;
    described.expect(400, &ask("1").with("If-Match", "no tag")).await;
    described.expect(417, &ask("1").with("Expect", "a miracle")).await;
    described.refuses_who_may_not(&ask("1")).await;
}
