//! Reads in phase `shadow`, compared off their path.

use crate::damage::Damage;
use crate::scene::Scene;
use crate::support::wait::wait_until;

fn verdict(scene: &Scene, verdict: &str) -> f64 {
    scene.metric(&format!("sluss_compared_total{{tenant=\"acme\",verdict=\"{verdict}\"}}"))
}

#[test]
fn a_read_in_shadow_finds_a_damaged_object_and_is_not_touched_by_it() {
    let scene = Scene::with("[shadow]\nshare = 1.0\n");
    scene.go_to("shadow");
    assert_eq!(scene.get(1).1, scene.content(1));
    wait_until("the read was compared", || verdict(&scene, "equal") == 1.0);
    Damage::ObjectByte.do_to(&scene, 2);
    assert_eq!(scene.get(2), (200, scene.content(2), true));
    wait_until("the damage was found", || verdict(&scene, "different") == 1.0);
    let listed = scene.ask("/admin/v1/tenants/acme/differences");
    let difference = &listed["differences"][0];
    assert_eq!((difference["kind"].as_str(), difference["found_by"].as_str()), (Some("object_bytes"), Some("shadow")), "{listed}");
    let sides = &difference["sides"];
    assert_ne!(sides["sql"]["sha256"], sides["object"]["sha256"], "both sides' facts are told: {listed}");
    scene.flip("dual").with_code(0);
    assert_eq!(scene.flip("object").code, 3);
}

#[test]
fn without_a_share_nothing_is_compared() {
    let scene = Scene::with("[shadow]\nshare = 0.0\n");
    scene.go_to("shadow");
    for _ in 0..20 {
        scene.get(1);
    }
    let all: f64 = ["equal", "different", "moved", "failed", "dropped"].map(|name| verdict(&scene, name)).iter().sum();
    assert_eq!(all, 0.0);
}
