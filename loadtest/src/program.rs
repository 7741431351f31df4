//! The programs that a measurement starts, and what they may open. Cargo puts them all into one folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

/// A program of this workspace, called as its package is.
pub fn beside(package: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(package);
    ensure!(program.exists(), "{} is missing: build it with `cargo build --bins --package {package}`", program.display());
    Ok(program)
}

/// Of this process, and with it of the server that it starts.
pub fn allow_open_files(wanted: u64) -> anyhow::Result<()> {
    let limits = fs::read_to_string("/proc/self/limits").context("read this process's limits")?;
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files")).and_then(|line| line.split_whitespace().next());
    // "unlimited" is enough, too.
    if soft.is_none_or(|soft| soft.parse().is_ok_and(|soft: u64| soft < wanted)) {
        let raised = Command::new("prlimit").arg(format!("--pid={}", std::process::id())).arg(format!("--nofile={wanted}:")).status();
        ensure!(
            raised.is_ok_and(|status| status.success()),
            "this takes {wanted} open files a process: raise the limit (ulimit -n {wanted})"
        );
    }
    Ok(())
}
