//! Every key that is read is explained in the shipped files.

use std::fs;
use std::path::Path;

use super::load;
use super::problem::Report;

/// A copy of the shipped files in which every setting behind `#` counts.
fn spelled_out(folder: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway-config");
    fs::create_dir(folder.join("tenants")).unwrap();
    let tenants = fs::read_dir(shipped.join("tenants")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for file in tenants.map(|tenant| format!("tenants/{tenant}")).chain(["sluss.toml".to_owned()]) {
        let text = fs::read_to_string(shipped.join(&file)).unwrap().replace("auth = \"none\"", "auth = \"tokens\"");
        let spell_out = |line: &str| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => format!("{setting}\n"),
            Some(_) | None => format!("{line}\n"),
        };
        fs::write(folder.join(file), text.lines().map(spell_out).collect::<String>()).unwrap();
    }
}

#[test]
fn every_key_is_documented_and_every_documented_key_is_known() {
    let folder = tempfile::tempdir().unwrap();
    spelled_out(folder.path());
    let main = folder.path().join("sluss.toml");
    let mut report = Report::default();
    let config = load::read(&main, &mut report);
    assert_eq!(report.asked_in_vain(&main), Vec::<&str>::new(), "not documented in sluss.toml");
    assert_eq!(report.asked_in_vain(&folder.path().join("tenants/acme.toml")), Vec::<&str>::new(), "not documented in acme.toml");
    // What every tenant has is explained there and not again.
    let everywhere =
        |key: &str| ["phase", "mirror", "limits", "backup"].contains(&key) || key.starts_with("objects.") || key.starts_with("limits.");
    let explained = |key: &&str| !everywhere(key) && !is_any_tables(key);
    let missing: Vec<&str> = report.asked_in_vain(&folder.path().join("tenants/initech.toml")).into_iter().filter(explained).collect();
    assert_eq!(missing, Vec::<&str>::new(), "not documented in initech.toml");
    let mut objects = report.asked_in_vain(&folder.path().join("tenants/hooli.toml"));
    objects.retain(|key| key.starts_with("objects."));
    // The one key that cannot stand beside the others; its words are checked by a test of its own.
    assert_eq!(objects, ["objects.credentials"], "not documented in hooli.toml");
    if let Err(problems) = report.conclude(config) {
        panic!("{problems}");
    }
}

/// A key of a collection that has the same meaning in every database.
fn is_any_tables(key: &str) -> bool {
    let keys = ["content_nullable", "soft_delete", "tenant_column", "tenant_value", "defaults", "delete", "disposition"];
    key.strip_prefix("collections.documents.").is_some_and(|key| keys.contains(&key))
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let folder = tempfile::tempdir().unwrap();
    spelled_out(folder.path());
    let spelled = super::Config::load(&folder.path().join("sluss.toml")).unwrap();
    let shipped = super::Config::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway-config/sluss.toml")).unwrap();
    let without_tls = super::Listeners { documents_tls: None, admin_tls: None, ..spelled.listeners };
    assert_eq!(format!("{without_tls:?}"), format!("{:?}", shipped.listeners));
    let without_limits = super::Limits {
        concurrent_requests_per_tenant: None,
        concurrent_requests_per_token: None,
        requests_per_second_per_tenant: None,
        requests_per_second_per_token: None,
        ..spelled.limits
    };
    assert_eq!(format!("{without_limits:?}"), format!("{:?}", shipped.limits));
    // The one of these settings that has an example instead of a default.
    let without_limit = super::AgentConfig { bytes_per_second: None, ..spelled.agents };
    assert_eq!(format!("{without_limit:?}"), format!("{:?}", shipped.agents));
    assert_eq!(format!("{:?}", spelled.shadow), format!("{:?}", shipped.shadow));
    assert_eq!((spelled.own_api, shipped.upstream, shipped.routes), (shipped.own_api, None, Vec::new()));
    let main = folder.path().join("sluss.toml");
    let terse =
        "auth = \"none\"\nown_api = true\n[control]\ndatabase = \"sqlite:control.db\"\n[upstream]\nurl = \"http://127.0.0.1:5000\"\n";
    fs::write(&main, terse).unwrap();
    let expected = super::UpstreamConfig { ca_file: None, check: None, ..spelled.upstream.unwrap() };
    assert_eq!(super::Config::load(&main).unwrap().upstream, Some(expected));
    for (spelled, shipped) in spelled.tenants.iter().zip(&shipped.tenants) {
        assert_eq!((spelled.initial_phase, spelled.mirror), (shipped.initial_phase, shipped.mirror));
        let objects = |tenant: &super::TenantConfig| tenant.objects.iter().map(placement_without_examples).collect::<Vec<_>>();
        assert_eq!(objects(spelled), objects(shipped));
        assert_eq!(without_examples(&spelled.sql), without_examples(&shipped.sql));
        let rules = |tenant: &super::TenantConfig| {
            let collection = &tenant.collections[0];
            (collection.create, collection.delete, collection.foreign_key, collection.schema.clone().unwrap_or_else(|| "dbo".to_owned()))
        };
        assert_eq!(rules(spelled), rules(shipped));
    }
}

/// The shipped files stand in folders of their own, and some settings have an example instead of a default.
fn without_examples(sql: &super::SqlConfig) -> super::SqlConfig {
    match sql.clone() {
        super::SqlConfig::Sqlite(sqlite) => super::SqlConfig::Sqlite(super::SqliteConfig { path: "acme.db".into(), ..sqlite }),
        super::SqlConfig::SqlServer(server) => super::SqlConfig::SqlServer(Box::new(super::SqlServerConfig {
            password: super::SecretSource::File("password".into()),
            trust: super::Trust::System,
            ..*server
        })),
    }
}

fn placement_without_examples(placement: &super::PlacementConfig) -> super::PlacementConfig {
    let store = match placement.store.clone() {
        super::ObjectStoreConfig::Disk { .. } => super::ObjectStoreConfig::Disk { root: "objects".into() },
        super::ObjectStoreConfig::S3(s3) => {
            super::ObjectStoreConfig::S3(Box::new(super::S3Config { credentials: super::S3Credentials::Chain, ca_file: None, ..*s3 }))
        }
    };
    super::PlacementConfig { store, max_objects: None, max_bytes: None, ..placement.clone() }
}

#[test]
fn the_other_way_to_name_credentials_is_documented_and_known() {
    let folder = tempfile::tempdir().unwrap();
    spelled_out(folder.path());
    let file = folder.path().join("tenants/hooli.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\n# credentials = \"chain\"\n"), "{text}");
    let chained = text.replace("\n# credentials", "\ncredentials");
    let keys = ["access_key", "secret_key", "session_token"];
    let without_keys: String =
        chained.lines().filter(|line| !keys.iter().any(|key| line.starts_with(key))).map(|line| format!("{line}\n")).collect();
    fs::write(&file, without_keys).unwrap();
    let config = super::Config::load(&folder.path().join("sluss.toml")).unwrap();
    let hooli = config.tenants.iter().find(|tenant| tenant.id.as_str() == "hooli").unwrap();
    let super::ObjectStoreConfig::S3(s3) = &hooli.objects[0].store else { panic!("{:?}", hooli.objects) };
    assert_eq!(s3.credentials, super::S3Credentials::Chain);
}
