//! Every key that is read is explained in the shipped files.

use std::fs;
use std::path::Path;

use super::load;
use super::problem::Report;

/// A copy of the shipped files in which every setting behind `#` counts.
fn spelled_out(folder: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway-config");
    fs::create_dir(folder.join("tenants")).unwrap();
    for file in ["sluss.toml", "tenants/acme.toml", "tenants/globex.toml", "tenants/initech.toml"] {
        let text = fs::read_to_string(shipped.join(file)).unwrap().replace("auth = \"none\"", "auth = \"tokens\"");
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
    let explained = |key: &&str| !["phase", "mirror"].contains(key) && !key.starts_with("objects.") && !is_any_tables(key);
    let missing: Vec<&str> = report.asked_in_vain(&folder.path().join("tenants/initech.toml")).into_iter().filter(explained).collect();
    assert_eq!(missing, Vec::<&str>::new(), "not documented in initech.toml");
    if let Err(problems) = report.conclude(config) {
        panic!("{problems}");
    }
}

/// A key of a collection that has the same meaning in every database.
fn is_any_tables(key: &str) -> bool {
    let keys = ["content_nullable", "soft_delete", "tenant_column", "tenant_value", "defaults", "delete"];
    key.strip_prefix("collections.documents.").is_some_and(|key| keys.contains(&key))
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let folder = tempfile::tempdir().unwrap();
    spelled_out(folder.path());
    let spelled = super::Config::load(&folder.path().join("sluss.toml")).unwrap();
    let shipped = super::Config::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway-config/sluss.toml")).unwrap();
    assert_eq!(format!("{:?}", spelled.listeners), format!("{:?}", shipped.listeners));
    assert_eq!(format!("{:?}", spelled.limits), format!("{:?}", shipped.limits));
    // The one setting that has an example instead of a default.
    let without_limit = super::AgentConfig { bytes_per_second: None, ..spelled.agents };
    assert_eq!(format!("{without_limit:?}"), format!("{:?}", shipped.agents));
    assert_eq!(format!("{:?}", spelled.shadow), format!("{:?}", shipped.shadow));
    for (spelled, shipped) in spelled.tenants.iter().zip(&shipped.tenants) {
        assert_eq!((spelled.initial_phase, spelled.mirror), (shipped.initial_phase, shipped.mirror));
        assert_eq!((&spelled.objects.name, &spelled.objects.prefix), (&shipped.objects.name, &shipped.objects.prefix));
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
