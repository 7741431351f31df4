//! Takes the console's files into the binary: what `make console` has built, or else a page that says how to build it. So a build
//! needs no Node, and a binary needs no files beside it.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (console, built) = (root.join("console"), root.join("console/dist"));
    let is_built = built.join("index.html").is_file();
    let folder = if is_built { built } else { root.join("src/admin/console") };
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", folder.display());
    // A path that is not there counts as changed every time, so what is watched is the folder in which it would appear.
    if !is_built && console.is_dir() {
        println!("cargo::rerun-if-changed={}", console.display());
    }
    let out = std::env::var_os("OUT_DIR").ok_or("Cargo names no folder for what is generated")?;
    fs::write(Path::new(&out).join("console.rs"), table(&folder)?)?;
    Ok(())
}

/// Rust source: a slice of files by their names below `/console/`, each with its bytes, and with the same bytes compressed where a file
/// `<name>.gz` lies beside it.
fn table(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = "&[\n".to_owned();
    for path in files(folder)? {
        let name = path.strip_prefix(folder)?.to_str().ok_or("a name is not UTF-8")?.replace('\\', "/");
        if name.ends_with(".gz") || name.split('/').any(|part| part.starts_with('.')) {
            continue;
        }
        let packed = path.with_file_name(format!("{}.gz", path.file_name().and_then(|name| name.to_str()).unwrap_or_default()));
        let packed = if packed.is_file() { format!("Some(include_bytes!({packed:?}))") } else { "None".to_owned() };
        writeln!(text, "    File {{ name: {name:?}, bytes: include_bytes!({path:?}), packed: {packed} }},")?;
    }
    text.push_str("]\n");
    Ok(text)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
