//! Every key that is read is explained in the shipped files.

use std::fs;
use std::path::Path;

use super::load;
use super::problem::Report;

/// A copy of the shipped files in which every setting behind `#` counts.
fn spelled_out(folder: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway-config");
    fs::create_dir(folder.join("tenants")).unwrap();
    for file in ["sluss.toml", "tenants/acme.toml", "tenants/globex.toml"] {
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
    if let Err(problems) = report.conclude(config) {
        panic!("{problems}");
    }
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
    let [spelled, shipped] = [&spelled.tenants[0], &shipped.tenants[0]];
    assert_eq!((spelled.initial_phase, spelled.mirror), (shipped.initial_phase, shipped.mirror));
    assert_eq!((&spelled.objects.name, &spelled.objects.prefix), (&shipped.objects.name, &shipped.objects.prefix));
    let sizes = |tenant: &super::TenantConfig| match &tenant.sql {
        super::SqlConfig::Sqlite(sqlite) => (sqlite.busy_timeout, sqlite.connections),
    };
    assert_eq!(sizes(spelled), sizes(shipped));
}
