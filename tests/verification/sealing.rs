//! What the guard of `sealed` asks of verifications, and the way there and back.

use crate::damage::Damage;
use crate::scene::Scene;

#[test]
fn a_tenant_that_was_never_verified_is_not_sealed() {
    let scene = Scene::sole();
    let refused = scene.flip("sealed");
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.out.contains("documents was never verified as a whole: run `sluss verify`"), "{refused:?}");
    assert!(scene.verify(false).is_empty());
    assert!(scene.flip("sealed").with_code(0).contains("object -> sealed"));
    let shown = scene.run(&["tenant", "show", "acme"]).with_code(0);
    assert!(shown.contains("verified as a whole since") && shown.contains("differences 0"), "{shown}");
}

#[test]
fn a_verification_from_before_the_last_change_does_not_count() {
    let scene = Scene::sole();
    assert!(scene.verify(false).is_empty());
    scene.put(1, b"younger than the verification".to_vec());
    Damage::ObjectGone.do_to(&scene, 1);
    let refused = scene.flip("sealed");
    assert_eq!(refused.code, 3, "{refused:?}");
    scene.put(1, b"and this is sound".to_vec());
    scene.flip("sealed").with_code(0);
}

#[test]
fn a_verification_of_an_older_epoch_does_not_count() {
    let scene = Scene::sole();
    assert!(scene.verify(false).is_empty());
    scene.database().execute_batch("UPDATE sluss_state SET epoch = epoch + 1").unwrap();
    assert!(scene.flip("sealed").with_code(3).contains("never verified"));
    assert!(scene.verify(false).is_empty());
    scene.flip("sealed").with_code(0);
}

#[test]
fn a_quarantined_job_stops_the_flip() {
    let scene = Scene::sole();
    assert!(scene.verify(false).is_empty());
    scene
        .database()
        .execute_batch(
            "INSERT INTO sluss_job (tenant, kind, collection, document, state, priority, due_at, failures, reason, created_at) \
             VALUES ('acme', 'write_back', 'documents', '1', 'quarantined', 20, 0, 12, 'corrupt', 0)",
        )
        .unwrap();
    assert!(scene.flip("sealed").with_code(3).contains("1 jobs are quarantined"));
}

#[test]
fn from_sealed_the_way_back_needs_no_guard() {
    let scene = Scene::sole();
    assert!(scene.verify(false).is_empty());
    scene.flip("sealed").with_code(0);
    Damage::ObjectGone.do_to(&scene, 3);
    assert_eq!(scene.verify(false).len(), 1);
    assert!(scene.flip("dual").with_code(0).contains("sealed -> dual"));
}

#[test]
fn what_is_not_copied_yet_is_counted_and_a_copy_is_asked_for() {
    let scene = Scene::held_by_both();
    // Unseen by the outbox, and by the incremental sweep for a minute.
    scene.database().execute_batch("INSERT INTO documents (id, content) VALUES (9, x'0102')").unwrap();
    let answer = scene.json(&["verify", "--tenant", "acme"], 0);
    assert_eq!((&answer["figures"]["unlocated"], &answer["figures"]["documents"]), (&1.into(), &4.into()), "{answer}");
    scene.run(&["sweep", "--tenant", "acme", "--wait"]).with_code(0);
    assert_eq!(scene.json(&["verify", "--tenant", "acme"], 0)["figures"]["unlocated"], 0);
}
