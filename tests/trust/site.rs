//! One installation: a tenant's database, a control database of its own, and where the tenant's objects lie.

use std::fs;
use std::path::{Path, PathBuf};

use http::{HeaderMap, Method, StatusCode};
use rusqlite::Connection;
use serde_json::Value;
use sluss::body;
use sluss_s3::Bucket;

use crate::support::lab::{Lab, Seat};
use crate::support::process::Process;
use crate::support::said::Said;
use crate::support::wait::block_on;

const AGENTS: &str = "[limits]\n[agents]\npoll_min = \"20ms\"\npoll_max = \"100ms\"\nabandoned_after = \"1s\"\n";

const IN_OBJECTS: &str = "phase = \"object\"\n";

pub struct Site {
    lab: Lab,
    pub seat: Seat,
}

/// `[objects]` for a bucket. Parts are of the least size that S3 takes.
pub fn in_bucket(bucket: &Bucket) -> String {
    format!("{}prefix = \"acme/\"\npart_size = \"5MiB\"\n", bucket.objects_section())
}

pub fn on_disk(root: &Path) -> String {
    format!("[objects]\ndisk = {root:?}\nprefix = \"acme/\"\n")
}

impl Site {
    /// A tenant that writes to its object store from the beginning.
    pub fn new(objects: &str) -> Self {
        let site = Self::bare(IN_OBJECTS, objects);
        site.run(&["init"]).done();
        site
    }

    /// One whose content is in SQL.
    pub fn in_sql(objects: &str) -> Self {
        let site = Self::bare("", objects);
        site.run(&["init"]).done();
        site
    }

    /// Another installation, on a copy of this one's database and with its objects.
    pub fn copied(&self, objects: &str) -> Self {
        let copy = Self::bare(IN_OBJECTS, objects);
        fs::remove_file(copy.lab.database_file()).unwrap();
        let target = copy.lab.database_file();
        self.database().execute("VACUUM INTO ?1", [target.to_str().unwrap()]).unwrap();
        copy.run(&["init"]).done();
        copy
    }

    /// `head`: the tenant's own keys.
    fn bare(head: &str, objects: &str) -> Self {
        let lab = Lab::new(AGENTS);
        let seat = lab.seat("one");
        let folder = seat.config.parent().unwrap();
        fs::remove_file(folder.join("tenants/globex.toml")).unwrap();
        let gateway = fs::read_to_string(&seat.config).unwrap();
        fs::write(&seat.config, gateway.replace("sqlite:../customers.db", "sqlite:../control.db")).unwrap();
        let site = Self { lab, seat };
        let tenant = fs::read_to_string(site.tenant_file()).unwrap();
        let (before, _) = tenant.split_once("[objects]").unwrap();
        fs::write(site.tenant_file(), format!("{head}{before}")).unwrap();
        site.place(objects);
        site
    }

    pub fn tenant_file(&self) -> PathBuf {
        self.seat.config.parent().unwrap().join("tenants/acme.toml")
    }

    /// Puts other objects into the tenant's file.
    pub fn place(&self, objects: &str) {
        let text = fs::read_to_string(self.tenant_file()).unwrap();
        let before = text.split_once("[objects]").or(text.split_once("[[objects]]")).map_or(&*text, |(before, _)| before);
        fs::write(self.tenant_file(), format!("{before}{objects}")).unwrap();
    }

    pub fn database(&self) -> Connection {
        self.lab.database()
    }

    pub fn control(&self) -> Connection {
        Connection::open(self.lab.path().join("control.db")).unwrap()
    }

    /// As if its disk had gone.
    pub fn lose_control(&self) {
        for suffix in ["", "-wal", "-shm"] {
            // A file that was closed orderly has no others beside it.
            let _ = fs::remove_file(self.lab.path().join(format!("control.db{suffix}")));
        }
    }

    pub fn logs(&self) -> String {
        self.lab.logs()
    }

    pub fn serve(&self) -> Process {
        let mut process = Process::start(&self.seat, &["serve"]);
        process.wait_for(self.seat.documents);
        process.wait_for(self.seat.admin);
        process
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Process::command(&self.seat, arguments);
        command.env("SLUSS_ADMIN_URL", format!("http://127.0.0.1:{}", self.seat.admin));
        Said::of(command.output().unwrap())
    }

    /// What doctor says of the tenant, which ends it with this code. Nothing of it is a secret.
    #[track_caller]
    pub fn doctor(&self, code: i32) -> Vec<Finding> {
        let said = self.run(&["doctor", "--tenant", "acme", "--json"]);
        assert_eq!((said.code, &*said.err), (code, ""), "{said:?}");
        let json: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(json["tenant"], "acme");
        serde_json::from_value(json["findings"].clone()).unwrap()
    }

    pub fn put(&self, id: u64, content: &str) -> Answer {
        self.ask(Method::PUT, id, body::full(content.to_owned()))
    }

    pub fn get(&self, id: u64) -> Answer {
        self.ask(Method::GET, id, body::empty())
    }

    pub fn delete(&self, id: u64) -> Answer {
        self.ask(Method::DELETE, id, body::empty())
    }

    fn ask(&self, method: Method, id: u64, body: body::Body) -> Answer {
        let (client, path) = (self.seat.documents_client(), format!("/v1/tenants/acme/documents/{id}"));
        block_on(async move {
            let answer = client.request(method, &path, HeaderMap::new(), body).await.unwrap();
            let (status, headers) = (answer.status, answer.headers.clone());
            Answer { status, headers, body: String::from_utf8(answer.bytes(1 << 20).await.unwrap().to_vec()).unwrap() }
        })
    }

    /// What the admin API says.
    pub fn told(&self, path: &str) -> Value {
        let (client, path) = (self.seat.admin_client(), path.to_owned());
        block_on(async move { client.json(Method::GET, &path, None).await.unwrap().1 })
    }

    pub fn metrics(&self) -> String {
        let client = self.seat.admin_client();
        block_on(async move {
            let answer = client.request(Method::GET, "/metrics", HeaderMap::new(), body::empty()).await.unwrap();
            String::from_utf8(answer.bytes(4 << 20).await.unwrap().to_vec()).unwrap()
        })
    }

    /// The object that a document's location names.
    pub fn object(&self, id: u64) -> String {
        let statement = "SELECT object FROM sluss_location_documents WHERE id = ?1";
        self.database().query_row(statement, [id], |row| row.get(0)).unwrap()
    }

    /// As an upload that somebody began long ago and never came back to.
    pub fn abandon(&self, placement: &str, object: &str) {
        let statement = "INSERT INTO sluss_upload (object, tenant, placement, purpose, epoch, state, changed_at) \
                         SELECT ?1, 'acme', ?2, 'write', epoch, 'open', 0 FROM sluss_state WHERE tenant = 'acme'";
        self.database().execute(statement, [object, placement]).unwrap();
    }

    pub fn open_uploads(&self) -> u64 {
        self.database().query_row("SELECT count(*) FROM sluss_upload", [], |row| row.get(0)).unwrap()
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Debug, serde::Deserialize)]
pub struct Finding {
    pub gravity: String,
    pub about: String,
    pub found: String,
    pub advice: String,
}

/// Where an object of the tenant lies below its root or in its bucket.
pub fn key(object: &str) -> String {
    format!("acme/{}/{object}", &object[object.len() - 2..])
}
