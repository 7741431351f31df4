//! Three tenants, two processes, and everything gone wrong that dashboards and alerts are to show: the one tenant has its objects on a store
//! that is out, another one's objects are damaged and written around, and the third one's placement is full.

use std::fs;
use std::path::PathBuf;

use http::{HeaderMap, Method};
use sluss::body;
use sluss::demo::pattern::Pattern;
use sluss_s3::free_port;
use sluss_tds::wire::Certificate;

use super::support::customers::{ACME, GLOBEX, connect};
use super::support::lab::{Lab, Seat};
use super::support::process::Process;
use super::support::said::Said;
use super::support::wait::block_on;

/// Too large for the cache of small contents.
const LARGE: u64 = 100_000;

pub(crate) struct Stage {
    lab: Lab,
    seat: Seat,
    /// Of the process whose metrics come over TLS.
    pub(crate) observed: u16,
    certificate: Certificate,
    pub(crate) authority: PathBuf,
    _serve: Process,
    agent: Option<Process>,
}

impl Stage {
    /// `upstream`: the port of what stands behind the gateway.
    pub(crate) fn set(upstream: u16) -> Self {
        let lab = Lab::new(&format!(
            "[limits]\n[agents]\npoll_min = \"20ms\"\npoll_max = \"200ms\"\nretry_base = \"10ms\"\nretry_budget = 1\n[upstream]\n\
             url = \"http://127.0.0.1:{upstream}\"\n"
        ));
        let seat = seat(&lab, "one");
        for (customer, ids) in [(&ACME, ["1", "2", "3"]), (&GLOBEX, ["a", "b", "c"])] {
            for (id, length) in ids.into_iter().zip([LARGE, LARGE, 500]) {
                customer.insert(&lab.database(), id, "text/plain", "a.txt", Some(Pattern { seed: length, length }));
            }
        }
        place_on_a_store_that_is_out(&lab, &seat);
        lab.init(&seat);
        let mut serve = Process::start(&seat, &["serve"]);
        serve.wait_for(seat.documents);
        serve.wait_for(seat.admin);
        // Prometheus asks for the authority's file only once, when it starts.
        let (certificate, authority) = (Certificate::generate().unwrap(), lab.path().join("authority.pem"));
        fs::write(&authority, &certificate.authority_pem).unwrap();
        Self { lab, seat, observed: free_port(), certificate, authority, _serve: serve, agent: None }
    }

    pub(crate) fn admin(&self) -> u16 {
        self.seat.admin
    }

    /// A second process: agents alone, observed over TLS.
    fn start_agent(&mut self) {
        let seat = seat(&self.lab, "two");
        let folder = seat.config.parent().unwrap();
        fs::write(folder.join("chain.pem"), &self.certificate.chain_pem).unwrap();
        fs::write(folder.join("key.pem"), &self.certificate.key_pem).unwrap();
        let tls = "[listeners.admin_tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n";
        fs::write(&seat.config, fs::read_to_string(&seat.config).unwrap() + tls).unwrap();
        let mut agent = Process::start(&seat, &["agent", "--observe", &format!("127.0.0.1:{}", self.observed)]);
        agent.wait_for(self.observed);
        self.agent = Some(agent);
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Process::command(&self.seat, arguments);
        command.env("SLUSS_ADMIN_URL", format!("http://127.0.0.1:{}", self.seat.admin));
        Said::of(command.output().unwrap())
    }

    fn flip(&self, tenant: &str, phases: &[&str]) {
        for phase in phases {
            self.run(&["tenant", "phase", tenant, phase]).with_code(0);
            self.run(&["sweep", "--tenant", tenant, "--wait"]).with_code(0);
        }
    }

    /// The status of a request for one document.
    fn ask(&self, method: Method, path: &str, content: Option<&str>) -> u16 {
        let client = self.seat.documents_client();
        let content = content.map_or_else(body::empty, |content| body::full(content.to_owned()));
        block_on(async move {
            let answer = client.request(method, path, HeaderMap::new(), content).await.unwrap();
            let status = answer.status.as_u16();
            answer.bytes(1 << 20).await.unwrap();
            status
        })
    }

    /// Some reads and a write of each kind that traffic has: of both stores and of memory, of what is not there, and past the gateway.
    pub(crate) fn traffic(&self) {
        for path in ["/v1/tenants/acme/documents/2", "/v1/tenants/acme/documents/3", "/v1/tenants/hooli/documents/1", "/-/healthy"] {
            assert_eq!(self.ask(Method::GET, path, None), 200, "{path}");
        }
        assert_eq!(self.ask(Method::GET, "/v1/tenants/acme/documents/99", None), 404);
        // SQL has it still, so nobody notices.
        assert_eq!(self.ask(Method::GET, "/v1/tenants/acme/documents/1", None), 200);
        assert_eq!(self.ask(Method::PUT, "/v1/tenants/hooli/documents/2", Some("new")), 503);
    }

    pub(crate) fn provoke(&mut self) {
        self.run(&["limits", "set", "--documents-per-second", "1000", "--bytes-per-second", "100MiB", "--concurrency", "8"]).done();
        self.flip("acme", &["shadow", "dual"]);
        // Before the second process may copy something: each one knows of the objects that it has made itself.
        self.start_agent();
        self.lose_objects_of_acme();
        self.flip("globex", &["shadow", "dual", "object"]);
        let content = "x".repeat(LARGE as usize);
        for id in ["a", "b"] {
            assert_eq!(self.ask(Method::PUT, &format!("/v1/tenants/globex/documents/{id}"), Some(&content)), 204);
        }
        self.lab.database().execute("UPDATE Filer SET Data = x'00' WHERE Nyckel = 'a'", []).unwrap();
        self.run(&["sweep", "--tenant", "globex", "--wait"]).with_code(0);
        self.lose_object_of_globex("b");
        self.run(&["verify", "--tenant", "globex"]).ended(1);
        // What is lost cannot be written back: that job is quarantined.
        self.run(&["tenant", "phase", "globex", "sql"]).with_code(0);
        self.run(&["sweep", "--tenant", "globex", "--wait"]).ended(1);
    }

    /// All of them, in both placements. What a process writes of its own lies in other folders.
    fn lose_objects_of_acme(&self) {
        let placements = ["first", "second"].map(|placement| self.lab.path().join(placement).join("acme"));
        let folders = placements.iter().flat_map(|placement| fs::read_dir(placement).unwrap()).map(Result::unwrap);
        let shards: Vec<PathBuf> = folders.filter(|folder| folder.file_name().len() == 2).map(|folder| folder.path()).collect();
        assert!(!shards.is_empty());
        for shard in shards {
            fs::remove_dir_all(shard).unwrap();
        }
    }

    fn lose_object_of_globex(&self, id: &str) {
        let named = "SELECT object FROM sluss_location_Filer WHERE id = ?1";
        let object: String = self.lab.database().query_row(named, [id], |row| row.get(0)).unwrap();
        fs::remove_file(self.lab.object_file(&GLOBEX, &object)).unwrap();
    }
}

/// One that serves our own paths, too, before what stands behind the gateway; and there are two placements for the objects of `acme`, which
/// has three documents.
fn seat(lab: &Lab, name: &str) -> Seat {
    let seat = lab.seat(name);
    fs::write(&seat.config, format!("own_api = true\n{}", fs::read_to_string(&seat.config).unwrap())).unwrap();
    let acme = seat.config.with_file_name("tenants").join("acme.toml");
    let text = fs::read_to_string(&acme).unwrap();
    let (before, _) = text.split_once("[objects]").unwrap();
    let placement = |name: &str| format!("[[objects]]\nplacement = \"{name}\"\ndisk = \"../../{name}\"\nmax_objects = 1\n");
    fs::write(&acme, format!("{before}{}{}", placement("first"), placement("second"))).unwrap();
    seat
}

/// The tenant `hooli`, whose content goes to a bucket that nobody answers for.
fn place_on_a_store_that_is_out(lab: &Lab, seat: &Seat) {
    let database = connect(&lab.path().join("hooli.db"));
    database.execute_batch(ACME.create).unwrap();
    ACME.insert(&database, "1", "text/plain", "a.txt", Some(Pattern { seed: 1, length: 1000 }));
    for key in ["access", "secret"] {
        fs::write(lab.path().join(format!("hooli.{key}")), "nobody").unwrap();
    }
    let text = format!(
        "phase = \"object\"\n[sql]\ndatabase = \"sqlite:../../hooli.db\"\n{}[objects]\ns3 = \"http://127.0.0.1:{}\"\nbucket = \"nowhere\"\n\
         access_key = {{ file = \"../../hooli.access\" }}\nsecret_key = {{ file = \"../../hooli.secret\" }}\n\
         timeout = \"2s\"\nfirst_byte_timeout = \"1s\"\nidle_timeout = \"1s\"\nconnect_timeout = \"1s\"\nattempts = 1\n",
        ACME.collections,
        free_port()
    );
    fs::write(seat.config.with_file_name("tenants").join("hooli.toml"), text).unwrap();
}
