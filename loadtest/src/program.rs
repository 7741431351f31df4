//! The programs that a measurement starts. Cargo puts them all into one folder.

use std::path::PathBuf;

use anyhow::ensure;

/// A program of this workspace, called as its package is.
pub fn beside(package: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(package);
    ensure!(program.exists(), "{} is missing: build it with `cargo build --bins --package {package}`", program.display());
    Ok(program)
}
