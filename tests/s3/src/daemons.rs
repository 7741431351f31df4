//! A Ceph of a test's own, whose daemons may be killed: nobody else's test is on it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::port::free_port;
use crate::server::{Server, script};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// Speaks S3. Without it connections are refused.
    Gateway,
    /// Holds the objects. Without it requests wait.
    Objects,
}

impl Daemon {
    fn file(self) -> &'static str {
        match self {
            Self::Gateway => "rgw.pid",
            Self::Objects => "osd.pid",
        }
    }
}

/// Runs until it is dropped. Its methods block.
pub struct Daemons {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
    server: Server,
}

impl Daemons {
    /// Takes some seconds.
    ///
    /// # Panics
    ///
    /// Where they do not start: a test cannot go on without them.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let directory = folder.path().display().to_string();
        let settings =
            vec![("S3_SERVER_DIR", directory), ("S3_SERVER_PORT", free_port().to_string()), ("S3_SERVER_SIZE_GIB", "4".to_owned())];
        start(&settings);
        let server = Server::of_script(&settings);
        Self { folder, settings, server }
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// kill -9.
    pub fn kill(&self, daemon: Daemon) {
        let pid = fs::read_to_string(self.folder.path().join(daemon.file())).expect("a daemon that runs has a file with its number");
        let killed = Command::new("kill").arg("-9").arg(pid.trim()).status().expect("kill can be run");
        assert!(killed.success(), "{daemon:?} did not run");
        // The kernel may need an instant to take all of it away.
        while is_alive(pid.trim()) {
            std::thread::yield_now();
        }
    }

    /// Starts again what was killed, and waits until it serves.
    pub fn restart(&self) {
        start(&self.settings);
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        let wiped = script(&self.settings, "wipe");
        if !wiped.status.success() {
            eprintln!("a Ceph is left behind: {}", String::from_utf8_lossy(&wiped.stderr));
        }
    }
}

fn start(settings: &[(&'static str, String)]) {
    let started = script(settings, "start");
    assert!(started.status.success(), "no Ceph of the test's own: {}", String::from_utf8_lossy(&started.stderr));
}

/// A process that nobody has waited for yet is none any more.
fn is_alive(pid: &str) -> bool {
    let line = fs::read(Path::new("/proc").join(pid).join("cmdline"));
    line.is_ok_and(|line| !line.is_empty())
}
