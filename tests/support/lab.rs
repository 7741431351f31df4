//! A folder in which a test lives: one database file, one folder of objects, one configuration for each process.

#![allow(dead_code, reason = "each test target uses its own part of this module")]

use std::path::{Path, PathBuf};

use http::Uri;
use rusqlite::Connection;
use sluss::client::HttpClient;
use sluss_s3::free_port;

use super::customers::{ACME, Customer, GLOBEX, connect};
use super::process::Process;

pub struct Lab {
    folder: tempfile::TempDir,
    /// Settings that every process of this lab shares.
    shared: String,
    /// Both tenants' section `[objects]`, but for the prefix.
    objects_section: String,
}

/// A process's two addresses and its configuration.
#[derive(Clone)]
pub struct Seat {
    pub name: String,
    pub documents: u16,
    pub admin: u16,
    pub config: PathBuf,
}

impl Lab {
    /// Two tenants on one file, initialised by nobody yet. `shared`: further settings of `sluss.toml`; `[limits]` and `[agents]` are its.
    pub fn new(shared: &str) -> Self {
        Self::with_objects(shared, "[objects]\ndisk = \"../../objects\"\n")
    }

    /// The same, with objects where this section says.
    pub fn with_objects(shared: &str, objects_section: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = Self { folder, shared: shared.to_owned(), objects_section: objects_section.to_owned() };
        let database = lab.database();
        for customer in [&ACME, &GLOBEX] {
            database.execute_batch(customer.create).unwrap();
        }
        lab
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn database_file(&self) -> PathBuf {
        self.path().join("customers.db")
    }

    pub fn objects(&self) -> PathBuf {
        self.path().join("objects")
    }

    pub fn database(&self) -> Connection {
        connect(&self.database_file())
    }

    /// The file of an object, as the disk store lays it out.
    pub fn object_file(&self, customer: &Customer, object: &str) -> PathBuf {
        self.objects().join(customer.tenant).join(&object[object.len() - 2..]).join(object)
    }

    /// Writes one process's configuration, on ports that are free now.
    pub fn seat(&self, name: &str) -> Seat {
        let folder = self.path().join(name);
        std::fs::create_dir_all(folder.join("tenants")).unwrap();
        let [documents, admin] = [free_port(), free_port()];
        let gateway = format!(
            "auth = \"none\"\n[listeners]\ndocuments = \"127.0.0.1:{documents}\"\nadmin = \"127.0.0.1:{admin}\"\n\
             [control]\ndatabase = \"sqlite:../customers.db\"\n{}",
            self.shared
        );
        std::fs::write(folder.join("sluss.toml"), gateway).unwrap();
        for customer in [&ACME, &GLOBEX] {
            let tenant = customer.tenant;
            let text = format!(
                "oldest_sql_backup = \"0s\"\n[sql]\ndatabase = \"sqlite:../../customers.db\"\n{}\
                 {}prefix = \"{tenant}/\"\n",
                customer.collections, self.objects_section
            );
            std::fs::write(folder.join(format!("tenants/{tenant}.toml")), text).unwrap();
        }
        Seat { name: name.to_owned(), documents, admin, config: folder.join("sluss.toml") }
    }

    pub fn init(&self, seat: &Seat) {
        let init = Process::command(seat, &["init"]).output().unwrap();
        assert!(init.status.success(), "sluss init failed: {}", String::from_utf8_lossy(&init.stderr));
    }

    /// Everything that processes have logged so far.
    pub fn logs(&self) -> String {
        let mut logs = String::new();
        for entry in std::fs::read_dir(self.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                logs += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
            }
        }
        logs
    }
}

impl Seat {
    pub fn documents_client(&self) -> HttpClient {
        client(self.documents)
    }

    pub fn admin_client(&self) -> HttpClient {
        client(self.admin)
    }
}

fn client(port: u16) -> HttpClient {
    HttpClient::new(format!("http://127.0.0.1:{port}").parse::<Uri>().unwrap(), None).unwrap()
}
