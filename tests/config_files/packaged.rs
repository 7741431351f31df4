//! What `packaging/` ships: its configurations load, all that they name is mounted, and what is started is what `sluss` can do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sluss::config::{Auth, Config};

/// Each configuration under `packaging/`, and the files that start Sluss with it.
const INSTALLATIONS: [(&str, &[&str]); 3] = [
    ("compose/sluss", &["compose/docker-compose.yml", "Dockerfile"]),
    ("kubernetes/config", &["kubernetes/serve.yaml", "kubernetes/agent.yaml"]),
    ("systemd/etc", &["systemd/sluss.service", "systemd/sluss-agent.service"]),
];

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging")
}

fn text(path: &str) -> String {
    fs::read_to_string(packaging().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn load(folder: &Path) -> Config {
    Config::load(&folder.join("sluss.toml")).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path);
        }
    }
    found
}

/// What stands in quotes behind these keys, in all files of a configuration: the files that a process reads.
fn named_files(folder: &Path) -> BTreeSet<String> {
    let keys = ["file = \"", "certificate = \"", "key = \"", "ca = \"", "ca_file = \"", "client_ca = \""];
    let files = files_below(folder);
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect::<Vec<_>>();
    let lines = texts.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with('#'));
    let named = lines.flat_map(|line| keys.iter().filter_map(|key| line.split_once(key)).map(|(_, rest)| rest.split('"').next().unwrap()));
    named.map(str::to_owned).collect()
}

#[test]
fn every_packaged_configuration_loads_and_lets_nobody_in_without_a_token() {
    for (folder, _) in INSTALLATIONS {
        let config = load(&packaging().join(folder));
        let Auth::Tokens(tokens) = &config.auth else { panic!("{folder} asks for no token") };
        assert!(tokens.iter().any(|token| token.rights.admin) && tokens.iter().any(|token| !token.rights.admin), "{folder}");
        let listeners = &config.listeners;
        assert!(listeners.documents_tls.is_some() && listeners.admin_tls.is_some() && !listeners.behind_tls_proxy, "{folder}");
        assert!(!config.agents.in_serve, "{folder} starts agents of their own");
        for file in files_below(&packaging().join(folder)) {
            assert!(!fs::read_to_string(&file).unwrap().contains("env = "), "{}: secrets come from files here", file.display());
        }
    }
}

#[test]
fn what_a_packaged_configuration_names_is_mounted() {
    let compose = text("compose/docker-compose.yml");
    let given = compose.lines().find_map(|line| line.trim().strip_prefix("secrets: [authority.pem, sluss.pem, ")).unwrap();
    let given: BTreeSet<&str> = ["authority.pem", "sluss.pem"].into_iter().chain(given.trim_end_matches(']').split(", ")).collect();
    let named = named_files(&packaging().join("compose/sluss"));
    let named: BTreeSet<&str> = named.iter().map(|file| file.strip_prefix("/run/secrets/").unwrap()).collect();
    assert_eq!(named, given);

    let secrets = text("kubernetes/secrets.example.yaml");
    for file in named_files(&packaging().join("kubernetes/config")) {
        let key = file.strip_prefix("/run/secrets/sluss/").or(file.strip_prefix("/run/secrets/tls/")).unwrap();
        assert!(secrets.contains(&format!("\n  {key}: \"\"")), "no Secret has {key}");
    }
    for deployment in ["kubernetes/serve.yaml", "kubernetes/agent.yaml"] {
        let deployment = text(deployment);
        for tenant in files_below(&packaging().join("kubernetes/config/tenants")) {
            let name = tenant.file_name().unwrap().to_str().unwrap();
            assert!(deployment.contains(&format!("{{ key: {name}, path: tenants/{name} }}")), "{name} is not mounted");
            assert!(text("kubernetes/kustomization.yaml").contains(&format!("- config/tenants/{name}")), "{name} is in no ConfigMap");
        }
    }

    for unit in ["systemd/sluss.service", "systemd/sluss-agent.service"] {
        let unit = text(unit);
        let loaded: BTreeSet<String> = unit.lines().filter_map(|line| line.strip_prefix("LoadCredential=")).map(str::to_owned).collect();
        let named = named_files(&packaging().join("systemd/etc"));
        let named =
            named.iter().filter_map(|file| file.rsplit_once("secrets/")).map(|(_, name)| format!("{name}:/etc/sluss/secrets/{name}"));
        assert_eq!(loaded, named.collect());
        assert!(unit.contains("\nBindReadOnlyPaths=%d:/etc/sluss/secrets\n"));
    }
}

/// The arguments that a file gives to `sluss`.
fn commands(path: &str) -> Vec<Vec<String>> {
    let list = |list: &str| -> Vec<String> { serde_json::from_str(list).unwrap_or_else(|error| panic!("{path}: {list}: {error}")) };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<String>>();
    let said = text(path);
    let lines = said.lines().map(str::trim).filter_map(|line| {
        let arguments = ["args: ", "command: ", "CMD "].iter().find_map(|key| line.strip_prefix(key)).map(list);
        let started = ["ExecStart=", "ExecStartPre="].iter().find_map(|key| line.strip_prefix(key)).map(words);
        let checked = line.split_once(" CMD ").filter(|_| line.starts_with("HEALTHCHECK")).map(|(_, command)| list(command));
        arguments.or(started).or(checked)
    });
    lines.map(|words| words.into_iter().filter(|word| !word.ends_with("/sluss") && word != "sluss").collect()).collect()
}

#[test]
fn what_is_started_is_what_sluss_can_do() {
    for path in INSTALLATIONS.iter().flat_map(|(_, files)| files.iter()) {
        let commands = commands(path);
        assert!(!commands.is_empty(), "{path} starts nothing");
        for arguments in commands {
            let said = Command::new(env!("CARGO_BIN_EXE_sluss")).args(&arguments).arg("--help").output().unwrap();
            assert!(said.status.success(), "{path}: sluss {arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
        }
    }
}

#[test]
fn whoever_stops_sluss_waits_for_longer_than_it_drains() {
    let seconds = |path: &str, key: &str| -> u64 {
        let said = text(path);
        let value = said.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap_or_else(|| panic!("{path} has no {key}"));
        value.trim_end_matches('s').parse().unwrap()
    };
    let drain = |folder: &str| load(&packaging().join(folder)).limits.drain_timeout;
    for (folder, path, key) in [
        ("compose/sluss", "compose/docker-compose.yml", "stop_grace_period: "),
        ("kubernetes/config", "kubernetes/serve.yaml", "terminationGracePeriodSeconds: "),
        ("kubernetes/config", "kubernetes/agent.yaml", "terminationGracePeriodSeconds: "),
        ("systemd/etc", "systemd/sluss.service", "TimeoutStopSec="),
        ("systemd/etc", "systemd/sluss-agent.service", "TimeoutStopSec="),
    ] {
        let patience = Duration::from_secs(seconds(path, key));
        // On Kubernetes the pause before the signal counts, too.
        assert!(patience >= drain(folder) + Duration::from_secs(10), "{path}: {patience:?}");
    }
}

#[test]
fn every_image_has_a_version() {
    let files = ["Dockerfile", "compose/docker-compose.yml"].map(text);
    let lines = files.iter().flat_map(|text| text.lines()).map(str::trim);
    let images: Vec<&str> = lines.filter_map(|line| line.strip_prefix("image: ").or(line.strip_prefix("FROM "))).collect();
    assert!(images.len() >= 8, "{images:?}");
    for image in images {
        let (_, tag) = image.trim_matches('"').rsplit_once(':').unwrap_or_else(|| panic!("{image}"));
        assert!(tag.contains(|c: char| c.is_ascii_digit()) && !tag.contains("latest"), "{image}");
    }
}

/// It is run where a person would run it, twice, and what it makes is what the services are given.
#[test]
fn prepare_makes_all_that_compose_mounts_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let compose = folder.path().join("compose");
    for file in files_below(&packaging().join("compose")) {
        let relative = file.strip_prefix(packaging().join("compose")).unwrap();
        if !relative.starts_with("private") {
            fs::create_dir_all(compose.join(relative).parent().unwrap()).unwrap();
            fs::copy(&file, compose.join(relative)).unwrap();
        }
    }
    let prepare = || {
        let said = Command::new(compose.join("prepare")).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        let made = files_below(&compose.join("private")).into_iter().map(|file| (file.clone(), fs::read(&file).unwrap()));
        made.collect::<std::collections::BTreeMap<_, _>>()
    };
    let made = prepare();
    assert_eq!(prepare(), made, "a second time changes nothing");
    let mounted = text("compose/docker-compose.yml");
    let mounted = mounted.split("./private/").skip(1).map(|rest| rest.split([' ', ':', '}', '\n']).next().unwrap().to_owned());
    for file in mounted.collect::<BTreeSet<String>>() {
        assert!(compose.join("private").join(&file).exists(), "{file} is mounted, and nobody makes it");
    }
    let Auth::Tokens(tokens) = load(&compose.join("private/config")).auth else { panic!("no tokens") };
    for token in tokens {
        let secret = &made[&compose.join("private").join(format!("{}.token", token.name))];
        let hash: String = Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(token.sha256.to_string(), hash, "{}", token.name);
    }
}
