//! `sluss-loadtest seed`: a customer's tables full of documents, and a configuration that serves them. What every document must be follows
//! from the manifest it leaves behind, so whoever reads them later needs no copy.

mod configuration;
mod rows;
mod sql_server;
mod sqlite;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::content::{Contents, Texture};
use crate::sizes::Sizes;

const MANIFEST: &str = "seed.json";

/// How often it says how far it is.
const SAY_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Where everything lies: databases, configuration, objects. May hold an earlier run of the same seed, which then goes on.
    #[arg(long)]
    pub folder: PathBuf,
    /// They are called t1, t2 and so on.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub tenants: u64,
    /// Of each tenant; ids count from 1.
    #[arg(long, default_value_t = 10_000)]
    pub documents: u64,
    /// fixed:SIZE, uniform:MIN..MAX, lognormal:MEDIAN:SIGMA:MIN..MAX, or mixed
    #[arg(long, default_value = "lognormal:20KiB:1.5:1KiB..4MiB")]
    pub sizes: Sizes,
    /// Another one makes other contents of other lengths.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What the bytes look like to whoever compresses them.
    #[arg(long, value_enum, default_value_t = Texture::Random)]
    pub texture: Texture,
    /// Where the configuration goes, if not to `gateway-config` in the folder.
    #[arg(long)]
    pub config_dir: Option<PathBuf>,
    /// Where objects will lie, if not in `objects` in the folder.
    #[arg(long)]
    pub objects: Option<PathBuf>,
    /// A file with lines for every tenant's section `[objects]`, such as those of a bucket; each tenant gets a prefix of its own.
    #[arg(long, conflicts_with = "objects")]
    pub objects_section: Option<PathBuf>,
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub documents_listener: SocketAddr,
    #[arg(long, default_value = "127.0.0.1:8081")]
    pub admin_listener: SocketAddr,
    /// Jobs at once in one process.
    #[arg(long, default_value_t = 8)]
    pub concurrency: u32,
    #[command(flatten)]
    pub sql_server: sql_server::Wanted,
}

/// What was seeded, for whoever checks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(flatten)]
    pub contents: Contents,
    pub tenants: u64,
    /// Of each tenant.
    pub documents: u64,
}

impl Manifest {
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).with_context(|| format!("read {}: was the folder seeded?", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("understand {}", path.display()))
    }

    pub fn tenant(&self, number: usize) -> String {
        format!("t{}", number + 1)
    }
}

/// Where a tenant's documents go.
trait Table {
    /// The highest id that is there: an earlier run came as far as that.
    fn reached(&mut self) -> anyhow::Result<u64>;

    /// Inserts these ids, whole or not at all, and answers how many bytes of content they have.
    fn insert(&mut self, contents: &Contents, tenant: usize, ids: std::ops::RangeInclusive<u64>) -> anyhow::Result<u64>;

    /// How many rows one insert takes at most.
    const BATCH: u64;
    /// How many bytes of content, at most, unless a single row has more.
    const BATCH_BYTES: u64;
}

pub fn run(args: &SeedArgs) -> anyhow::Result<()> {
    let contents = Contents { seed: args.seed, sizes: args.sizes.clone(), texture: args.texture };
    let manifest = Manifest { contents, tenants: args.tenants, documents: args.documents };
    fs::create_dir_all(&args.folder).context("make the folder")?;
    if let Ok(before) = Manifest::of(&args.folder) {
        let same = before.contents == manifest.contents && before.tenants <= manifest.tenants;
        ensure!(same, "{} was seeded with other numbers: {before:?}", args.folder.display());
    }
    // First, so that a run that is stopped goes on with the same numbers.
    fs::write(args.folder.join(MANIFEST), serde_json::to_string_pretty(&manifest)?).context("write the manifest")?;
    let begun = Instant::now();
    let mut bytes = 0;
    for tenant in 0..args.tenants as usize {
        let name = manifest.tenant(tenant);
        bytes += match args.sql_server.login()? {
            Some(login) => fill(&mut sql_server::Documents::open(login, &name)?, &manifest, tenant)?,
            None => fill(&mut sqlite::Documents::open(&args.folder.join(format!("{name}.db")))?, &manifest, tenant)?,
        };
    }
    let folder = configuration::write(args, &manifest)?;
    let documents = args.tenants * args.documents;
    println!(
        "{documents} documents of {} tenants; {bytes} bytes were added in {:.1} s\nserve them: sluss --config {} init, then serve",
        args.tenants,
        begun.elapsed().as_secs_f64(),
        folder.join("sluss.toml").display()
    );
    Ok(())
}

fn fill<T: Table>(table: &mut T, manifest: &Manifest, tenant: usize) -> anyhow::Result<u64> {
    let first = table.reached()?;
    let (begun, mut said) = (Instant::now(), Instant::now());
    let (mut at, mut bytes) = (first, 0);
    while at < manifest.documents {
        let to = batch_end::<T>(manifest, tenant, at);
        bytes += table.insert(&manifest.contents, tenant, at + 1..=to)?;
        at = to;
        if said.elapsed() >= SAY_EVERY || at == manifest.documents {
            let seconds = begun.elapsed().as_secs_f64();
            let rate = (at - first) as f64 / seconds;
            let name = manifest.tenant(tenant);
            eprintln!("{name}: {at} of {} documents, {rate:.0} and {:.1} MB a second", manifest.documents, bytes as f64 / 1e6 / seconds);
            said = Instant::now();
        }
    }
    Ok(bytes)
}

/// The last id of the batch that begins after `at`.
fn batch_end<T: Table>(manifest: &Manifest, tenant: usize, at: u64) -> u64 {
    let (mut to, mut bytes) = (at, 0);
    while to < manifest.documents.min(at + T::BATCH) {
        bytes += manifest.contents.of(tenant, to + 1, 0).length;
        if bytes > T::BATCH_BYTES && to > at {
            break;
        }
        to += 1;
    }
    to
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn args(folder: &Path, documents: u64) -> SeedArgs {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: SeedArgs,
        }
        let words = ["seed", "--tenants", "2", "--sizes", "uniform:1..300000", "--folder"].map(str::to_owned).into_iter();
        let words = words.chain([folder.display().to_string(), "--documents".to_owned(), documents.to_string()]);
        <Line as clap::Parser>::parse_from(words).args
    }

    #[test]
    fn a_seed_goes_on_where_it_was_and_every_row_is_what_the_manifest_says() {
        let folder = tempfile::tempdir().unwrap();
        run(&args(folder.path(), 100)).unwrap();
        run(&args(folder.path(), 250)).unwrap();
        let manifest = Manifest::of(folder.path()).unwrap();
        for tenant in 0..2 {
            let database = Connection::open(folder.path().join(format!("{}.db", manifest.tenant(tenant)))).unwrap();
            let mut rows = database.prepare("SELECT id, content FROM documents ORDER BY id").unwrap();
            let rows = rows.query_map([], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
            let rows: Vec<_> = rows.map(Result::unwrap).collect();
            assert_eq!(rows.len(), 250);
            for (expected, (id, found)) in (1..).zip(&rows) {
                let content = manifest.contents.of(tenant, *id, 0);
                assert!(*id == expected && *found == content.bytes(0, content.length), "{id}");
            }
        }
        let mut other = args(folder.path(), 300);
        other.seed = 2;
        assert!(run(&other).is_err(), "documents of two seeds are never in one table");
    }
}
