//! A real `sluss` process, its log in a file, gone when it is dropped.

#![allow(dead_code, reason = "each test target uses its own part of this module")]

use std::fs::OpenOptions;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::Seat;

pub struct Process {
    child: Child,
    seat: Seat,
    arguments: Vec<String>,
    log: PathBuf,
}

impl Process {
    /// A command on a seat's configuration, not started.
    pub fn command(seat: &Seat, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluss"));
        command.arg("--config").arg(&seat.config).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn start(seat: &Seat, arguments: &[&str]) -> Self {
        let log = seat.config.parent().unwrap().with_extension("log");
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let child = spawn(seat, &arguments, &log);
        Self { child, seat: seat.clone(), arguments, log }
    }

    /// kill -9, and the same process again.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.child = spawn(&self.seat, &self.arguments, &self.log);
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to drain.
    pub fn terminate(&self) {
        let done = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(done.success());
    }

    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    /// The most memory that the process has had at once, as the kernel counts it.
    pub fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits until the port takes connections.
    #[expect(clippy::disallowed_methods, reason = "a process starts in real time")]
    pub fn wait_for(&mut self, port: u16) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!(
                    "{} ended with {status} before it served; its log:\n{}",
                    self.seat.name,
                    std::fs::read_to_string(&self.log).unwrap()
                );
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{} does not serve", self.seat.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(seat: &Seat, arguments: &[String], log: &PathBuf) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Process::command(seat, &arguments).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}
