//! Waves of flips: those that fit, by name, one after the other, up to the first that does not go along.

use serde_json::Value;

use super::plant::{BOTH, Plant};
use super::support::customers::{ACME, GLOBEX};

const TO_SHADOW: [&str; 6] = ["tenant", "phase", "--where", "phase=sql", "--to", "shadow"];

#[test]
fn a_wave_flips_as_many_as_it_may_and_says_how_many_are_left() {
    let plant = Plant::with_processes(1);
    let dry = plant.run(&[&TO_SHADOW[..], &["--dry-run"]].concat()).done();
    assert!(dry.ends_with("2 of 2 would go to shadow; nothing was changed; 2 tenants fit\n"), "{dry}");
    assert_eq!(BOTH.map(|customer| plant.phase(customer)), ["sql", "sql"]);
    let first = plant.run(&[&TO_SHADOW[..], &["--limit", "1"]].concat()).done();
    assert_eq!(first, "acme: sql -> shadow\n1 flipped to shadow, 1 left\n");
    let second = plant.json(&[&TO_SHADOW[..], &["--limit", "20"]].concat());
    assert_eq!((&second["left"], &second["flips"][0]["tenant"], &second["to"]), (&Value::from(0), &"globex".into(), &"shadow".into()));
    assert_eq!(plant.run(&TO_SHADOW).done(), "0 flipped to shadow, 0 left\n");
    assert_eq!(plant.audited("phase.flip").len(), 2, "each flip is audited as one");
}

#[test]
fn a_wave_stops_at_the_first_refusal_and_a_dry_run_shows_them_all() {
    let plant = Plant::with_processes(1);
    plant.run(&TO_SHADOW).done();
    // Nothing is copied yet of either, and each flip skips a step.
    let wave = ["tenant", "phase", "--where", "phase=shadow", "--to", "object"];
    let dry = plant.run(&[&wave[..], &["--dry-run"]].concat()).ended(3);
    assert!(dry.contains("acme stays in shadow") && dry.contains("globex stays in shadow"), "{dry}");
    let said = plant.run(&wave).ended(3);
    assert!(said.contains("  BLOCK one_step") && said.contains("acme stays in shadow"), "{said}");
    assert!(!said.contains("globex") && said.ends_with("0 flipped to object, 2 left\n"), "{said}");
    assert_eq!(BOTH.map(|customer| plant.phase(customer)), ["shadow", "shadow"]);
}

#[test]
fn a_wave_stops_at_the_first_failure() {
    let plant = Plant::with_processes(1);
    plant.lab.database().execute_batch("ALTER TABLE sluss_audit RENAME TO away").unwrap();
    let said = plant.run(&TO_SHADOW).ended(1);
    assert!(said.starts_with("acme: not now: ") && !said.contains("globex"), "{said}");
    assert!(said.ends_with("0 flipped to shadow, 2 left\n"), "{said}");
    plant.lab.database().execute_batch("ALTER TABLE away RENAME TO sluss_audit").unwrap();
    assert_eq!((plant.phase(&ACME), plant.phase(&GLOBEX)), ("sql".to_owned(), "sql".to_owned()));
}

#[test]
fn a_tenant_whose_phase_cannot_be_told_is_left_out_and_named() {
    let plant = Plant::with_processes(1);
    plant.lab.database().execute("DELETE FROM sluss_state WHERE tenant = 'acme'", []).unwrap();
    let said = plant.run(&TO_SHADOW).done();
    assert!(said.starts_with("globex: sql -> shadow\nleft out, because its phase cannot be told: acme: "), "{said}");
    assert!(said.ends_with("1 flipped to shadow, 0 left\n"), "{said}");
}

#[test]
fn a_wave_that_is_not_said_right_is_a_usage_error_that_says_what_can_be_written() {
    let plant = Plant::with_processes(1);
    for wrong in ["shadow", "phase=frozen", "colour=red"] {
        let told = plant.run(&["tenant", "phase", "--where", wrong, "--to", "dual"]).ended(2);
        assert!(told.contains("phase=PHASE"), "{told}");
    }
    for arguments in [
        ["tenant", "phase"].as_slice(),
        &["tenant", "phase", "acme"],
        &["tenant", "phase", "--where", "phase=sql"],
        &["tenant", "phase", "acme", "shadow", "--where", "phase=sql", "--to", "shadow"],
        &["tenant", "phase", "acme", "shadow", "--limit", "3"],
        &["tenant", "phase", "--where", "phase=sql", "--to", "shadow", "--limit", "0"],
    ] {
        plant.run(arguments).ended(2);
    }
    assert_eq!(BOTH.map(|customer| plant.phase(customer)), ["sql", "sql"]);
}
