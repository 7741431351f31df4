//! Each damage is found, stops the flip, and is put right or reported; and no client ever sees it.

use crate::damage::{Damage, behind_the_triggers};
use crate::scene::Scene;

/// Three documents that both stores hold, one of them damaged; then found, and the flip refused.
#[track_caller]
fn found_in_both(damage: Damage) -> Scene {
    let scene = Scene::held_by_both();
    assert!(scene.verify(false).is_empty(), "nothing differs yet");
    damage.do_to(&scene, 2);
    let found = scene.verify(false);
    let [difference] = &found[..] else { panic!("not one difference: {found:?}") };
    assert_eq!((difference["kind"].as_str(), difference["remedy"].as_str()), (Some(damage.kind()), Some("open")));
    let refused = scene.flip("object");
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.out.contains("BLOCK sample_comparison") && refused.out.contains("sluss verify"), "{refused:?}");
    scene
}

#[track_caller]
fn no_wrong_byte_reaches_a_client(scene: &Scene) {
    for id in 1..=3 {
        let (status, bytes, whole) = scene.get(id);
        assert!(status == 200 && whole && bytes == scene.content(id), "document {id}: {status}");
    }
}

/// A copy of what SQL holds takes the place of the object, and the flip passes.
#[track_caller]
fn is_repaired(scene: &Scene) {
    let (before, _) = scene.object(2);
    let replaced = scene.verify(true);
    assert!(replaced.iter().all(|difference| difference["remedy"] == "replaced"), "{replaced:?}");
    scene.run(&["sweep", "--tenant", "acme", "--wait"]).with_code(0);
    assert_ne!(scene.object(2).0, before, "another object");
    let versions = "SELECT count(*) FROM sluss_version WHERE object = ?1";
    assert_eq!(scene.database().query_row(versions, [&before], |row| row.get::<_, u64>(0)).unwrap(), 1, "the old one is a version");
    assert!(scene.verify(false).is_empty());
    assert!(scene.flip("object").with_code(0).contains("dual -> object"));
}

#[test]
fn a_flipped_byte_in_an_object_is_found_and_replaced_by_what_sql_holds() {
    let scene = found_in_both(Damage::ObjectByte);
    no_wrong_byte_reaches_a_client(&scene);
    let listed = scene.run(&["verify", "--tenant", "acme"]).with_code(1);
    for told in ["object_bytes    documents/2: the object's bytes", "differs from piece 2 on", "location ", "sql ", "1 differences, 1 open"]
    {
        assert!(listed.contains(told), "{told:?} is not in:\n{listed}");
    }
    is_repaired(&scene);
    no_wrong_byte_reaches_a_client(&scene);
}

#[test]
fn a_missing_object_is_found_and_replaced_by_what_sql_holds() {
    let scene = found_in_both(Damage::ObjectGone);
    no_wrong_byte_reaches_a_client(&scene);
    is_repaired(&scene);
    no_wrong_byte_reaches_a_client(&scene);
}

#[test]
fn a_changed_media_type_of_an_object_is_found_and_replaced() {
    let scene = found_in_both(Damage::MediaType);
    let difference = &scene.verify(false)[0];
    let media_type = |side: &str| difference["sides"][side]["media_type"].as_str();
    assert_eq!((media_type("location"), media_type("object")), (Some("text/plain"), Some("text/html")));
    no_wrong_byte_reaches_a_client(&scene);
    is_repaired(&scene);
}

/// What the store itself calls corrupt is a difference like another, with the store's own words.
#[test]
fn an_object_that_its_store_cannot_read_is_found_and_replaced() {
    for (damage, words) in [(Damage::MediaTypeByHand, "the metadata does not match its checksum"), (Damage::Cut, "footer")] {
        let scene = found_in_both(damage);
        let note = scene.verify(false)[0]["sides"]["object"]["note"].as_str().unwrap().to_owned();
        assert!(note.contains(words), "{note}");
        no_wrong_byte_reaches_a_client(&scene);
        is_repaired(&scene);
    }
}

/// The row says that SQL's content is the current one. What the object holds becomes a version, so neither is lost.
#[test]
fn a_flipped_byte_in_sql_is_found_and_what_sql_holds_is_copied_when_that_is_asked_for() {
    let scene = found_in_both(Damage::SqlByte);
    no_wrong_byte_reaches_a_client(&scene);
    is_repaired(&scene);
}

#[test]
fn an_alien_object_is_found_and_never_removed() {
    let scene = found_in_both(Damage::Alien);
    let alien = scene.verify(true)[0]["object"].as_str().unwrap().to_owned();
    assert_eq!(scene.flip("object").code, 3);
    let file = scene.lab.object_file(&crate::support::customers::ACME, &alien);
    std::fs::remove_file(file).expect("the alien is still there");
    assert!(scene.verify(false).is_empty());
    scene.flip("object").with_code(0);
}

#[test]
fn a_file_that_is_no_object_is_found_too() {
    let scene = Scene::held_by_both();
    std::fs::write(scene.lab.objects().join("acme").join("notes.txt"), "x").unwrap();
    let found = scene.verify(false);
    assert_eq!((found.len(), &found[0]["kind"], &found[0]["object"]), (1, &"alien_object".into(), &"notes.txt".into()));
}

#[test]
fn a_file_name_or_a_media_type_that_changes_in_sql_is_no_difference() {
    let scene = Scene::held_by_both();
    scene.database().execute_batch("UPDATE documents SET file_name = 'b.txt', media_type = 'text/csv' WHERE id = 2").unwrap();
    scene.run(&["sweep", "--tenant", "acme", "--wait"]).with_code(0);
    assert!(scene.verify(false).is_empty());
    scene.flip("object").with_code(0);
}

/// Three documents that only the object store holds, one of them damaged; found, not repaired, and the flip refused.
#[track_caller]
fn found_in_sole(damage: Damage) -> Scene {
    let scene = Scene::sole();
    assert!(scene.verify(false).is_empty(), "nothing differs yet");
    damage.do_to(&scene, 2);
    let (before, file) = scene.object(2);
    let bytes = std::fs::read(&file).ok();
    for repair in [false, true] {
        let found = scene.verify(repair);
        let [difference] = &found[..] else { panic!("not one difference: {found:?}") };
        assert_eq!((difference["kind"].as_str(), difference["remedy"].as_str()), (Some(damage.kind()), Some("open")));
    }
    assert_eq!((&scene.object(2).0, std::fs::read(&file).ok()), (&before, bytes), "a sole object is never given up, nor touched");
    let refused = scene.flip("sealed");
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.out.contains("BLOCK verification"), "{refused:?}");
    scene
}

const SOLE_BROKEN: &str = "sluss_sole_objects_broken_total{tenant=\"acme\"}";

#[test]
fn a_flipped_byte_in_the_only_holder_is_said_loudly_and_never_reaches_a_client() {
    let scene = found_in_sole(Damage::ObjectByte);
    let (_, bytes, whole) = scene.get(2);
    assert!(!whole && scene.content(2).starts_with(&bytes), "{} bytes came", bytes.len());
    assert!(scene.lab.logs().contains("\"event\":\"sole_broken\""));
    assert!(scene.metric(SOLE_BROKEN) >= 2.0);
    let listed = scene.run(&["verify", "--tenant", "acme"]).with_code(1);
    assert!(listed.contains("the object is the only holder"), "{listed}");
}

#[test]
fn a_missing_only_holder_is_said_loudly_until_it_is_back() {
    let scene = Scene::sole();
    let (_, file) = scene.object(2);
    let bytes = std::fs::read(&file).unwrap();
    Damage::ObjectGone.do_to(&scene, 2);
    assert_eq!(scene.verify(true)[0]["sole"], true);
    assert!(scene.lab.logs().contains("\"event\":\"sole_broken\""));
    assert_eq!(scene.flip("sealed").code, 3);
    std::fs::write(&file, bytes).unwrap();
    assert!(scene.verify(false).is_empty());
    scene.flip("sealed").with_code(0);
}

#[test]
fn a_changed_media_type_of_the_only_holder_is_listed_and_left() {
    let scene = found_in_sole(Damage::MediaType);
    no_wrong_byte_reaches_a_client(&scene);
    assert_eq!(scene.metric(SOLE_BROKEN), 0.0, "the content is whole");
}

#[test]
fn an_alien_object_stops_the_last_flip_as_well() {
    found_in_sole(Damage::Alien);
}

#[test]
fn content_beside_the_only_holder_that_no_trigger_saw_is_impossible() {
    let scene = Scene::sole();
    behind_the_triggers(&scene, 2);
    let found = scene.verify(true);
    assert_eq!((found.len(), &found[0]["kind"]), (1, &"impossible".into()));
    assert_eq!(scene.flip("sealed").code, 3);
}

#[test]
fn a_document_that_is_written_anew_differs_no_more() {
    let scene = found_in_both(Damage::ObjectByte);
    scene.put(2, b"anew".to_vec());
    scene.run(&["sweep", "--tenant", "acme", "--wait"]).with_code(0);
    let listed = scene.ask("/admin/v1/tenants/acme/differences");
    assert_eq!(listed["differences"], serde_json::json!([]), "no verification was needed for that");
    scene.flip("object").with_code(0);
}
