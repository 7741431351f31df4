//! A configuration written into a folder of its own, and what an operator hears of it.

use std::fs;

use sluss::config::{Config, ConfigProblems};
use tempfile::TempDir;

/// A folder with `config/sluss.toml` and these tenants.
pub fn written(main: &str, tenants: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::create_dir_all(config.join("tenants")).unwrap();
    fs::write(config.join("sluss.toml"), main).unwrap();
    for (name, text) in tenants {
        fs::write(config.join("tenants").join(name), text).unwrap();
    }
    folder
}

pub fn load(folder: &TempDir) -> Result<Config, ConfigProblems> {
    Config::load(&folder.path().join("config/sluss.toml"))
}

/// Each problem as an operator reads it, with files relative to the configuration's folder.
pub fn problems(main: &str, tenants: &[(&str, &str)]) -> Vec<String> {
    let folder = written(main, tenants);
    let root = format!("{}/", folder.path().join("config").display());
    let Err(problems) = load(&folder) else { return Vec::new() };
    problems.as_slice().iter().map(|problem| problem.to_string().replace(&root, "")).collect()
}
