//! Signatures, chains, and what a next manifest is put on.

use jiff::ToSpan;

use super::*;
use crate::model::content::ContentHash;
use crate::model::id::FreshKey;

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::parse(&Secret::new(STANDARD.encode([seed; 32]))).unwrap()
}

fn trusted(own: u8, former: &[u8]) -> TrustedKeys {
    TrustedKeys { own: key(own).public_key(), former: former.iter().map(|seed| key(*seed).public_key()).collect() }
}

/// A manifest an hour, each following the one before.
pub(in crate::backup) fn manifests(kinds: &[BackupKind]) -> Vec<Manifest> {
    let mut made: Vec<Manifest> = Vec::new();
    for (at, kind) in (0_u8..).zip(kinds) {
        let begun: jiff::Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let key = FreshKey::mint("offsite".parse().unwrap());
        let manifest = Manifest {
            number: u64::from(at) + 1,
            instant: begun + i64::from(at).hours(),
            kind: *kind,
            epoch: 1,
            object: key.object().id,
            length: 1000,
            sha256: ContentHash([at; 32]),
            previous: made.last().map(|before| before.sha256),
            staged_from: None,
            documents: 1,
            bytes: 1,
            signature: Signature([0; 64]),
        };
        made.push(manifest);
    }
    made
}

const BASE: BackupKind = BackupKind::Base;
const INCREMENT: BackupKind = BackupKind::Increment;

#[test]
fn a_signature_vouches_for_every_field_and_for_the_tenant() {
    let (signer, manifest) = (key(1), manifests(&[BASE, INCREMENT]).remove(1));
    let signed = signer.sign(&tenant(), &manifest);
    let public = trusted(1, &[]);
    assert!(public.vouch_for(&tenant(), &signed));
    let changed = [
        Manifest { number: 9, ..signed.clone() },
        Manifest { instant: signed.instant + 1.seconds(), ..signed.clone() },
        Manifest { kind: BASE, ..signed.clone() },
        Manifest { epoch: 2, ..signed.clone() },
        Manifest { length: 1001, ..signed.clone() },
        Manifest { sha256: ContentHash([9; 32]), ..signed.clone() },
        Manifest { previous: None, ..signed.clone() },
        Manifest { staged_from: Some(signed.instant), ..signed.clone() },
        Manifest { documents: 2, ..signed.clone() },
        Manifest { bytes: 2, ..signed.clone() },
        Manifest { object: FreshKey::mint("offsite".parse().unwrap()).object().id, ..signed.clone() },
    ];
    assert!(changed.iter().all(|changed| !public.vouch_for(&tenant(), changed)));
    assert!(!public.vouch_for(&"globex".parse().unwrap(), &signed));
    assert!(!trusted(2, &[3]).vouch_for(&tenant(), &signed));
    assert!(trusted(2, &[3, 1]).vouch_for(&tenant(), &signed), "by the key of before");
}

#[test]
fn a_key_is_read_from_base64_or_pem_and_its_text_is_never_repeated() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n-----END PRIVATE KEY-----\n";
    assert_eq!(SigningKey::parse(&Secret::new(pem)).unwrap().public_key(), key(1).public_key());
    for bad in ["", "hello", "AAAA", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
        assert!(SigningKey::parse(&Secret::new(bad)).is_err_and(|error| !error.to_string().contains("AAAA")), "{bad}");
    }
}

#[test]
fn a_manifest_that_was_taken_away_or_put_in_is_found() {
    let (signer, made) = (key(1), manifests(&[BASE, INCREMENT, INCREMENT, BASE, INCREMENT]));
    let signed: Vec<Manifest> = made.into_iter().map(|manifest| signer.sign(&tenant(), &manifest)).collect();
    let public = trusted(1, &[]);
    assert!(flaws(&tenant(), &signed, &public).is_empty());
    let mut without = signed.clone();
    without.remove(1);
    assert_eq!(flaws(&tenant(), &without, &public), [(3, Flaw::Chain)]);
    assert_eq!(chain(&without, 3), None);
    // A group is dropped from its end, so what a base follows may be gone.
    assert!(flaws(&tenant(), &signed[3..], &public).is_empty());
    let mut forged = signed.clone();
    forged[4] = key(2).sign(&tenant(), &forged[4]);
    assert_eq!(flaws(&tenant(), &forged, &public), [(5, Flaw::Signature)]);
    let numbers = |number| chain(&signed, number).unwrap().iter().map(|manifest| manifest.number).collect::<Vec<_>>();
    assert_eq!((numbers(3), numbers(5)), (vec![1, 2, 3], vec![4, 5]));
}

#[test]
fn an_increment_is_put_on_a_base_that_is_young_and_not_outgrown_in_the_same_epoch() {
    let mut made = manifests(&[BASE, INCREMENT]);
    let now = made[1].instant + 1.hours();
    assert_eq!(increment_on(&[], now, 1), None);
    assert_eq!(increment_on(&made, now, 1).map(|last| last.number), Some(2));
    assert_eq!(increment_on(&made, now, 2), None, "the database was put back");
    assert_eq!(increment_on(&made, made[0].instant + (7 * 24).hours(), 1), None, "the base is a week old");
    assert_eq!(increment_on(&made, made[0].instant, 1), None, "the clock went back");
    made[1].length = SMALL_INCREMENTS_BYTES + 1;
    assert_eq!(increment_on(&made, now, 1), None, "outgrown");
    made[0].length = 2 * made[1].length;
    assert!(increment_on(&made, now, 1).is_some());
}
