//! What makes manifests trustworthy: each is signed, and names the hash of the one before it. Pure: who reads and writes them is elsewhere.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::model::backup::{BackupKind, Manifest, Signature};
use crate::model::id::TenantId;

/// Never repeats what stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no Ed25519 key: write 32 random bytes in Base64, or a private key in PKCS#8 and PEM")]
pub struct KeyError;

/// Signs a tenant's manifests.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// 32 bytes in Base64, or PKCS#8 in PEM.
    pub fn parse(secret: &Secret) -> Result<Self, KeyError> {
        let text = secret.reveal().trim();
        let pair = if text.starts_with("-----") {
            let key = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyError)?;
            // Most programs leave out the public key, which can be told from the other.
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der())
        } else {
            Ed25519KeyPair::from_seed_unchecked(&STANDARD.decode(text).map_err(|_| KeyError)?)
        };
        pair.map(Self).map_err(|_| KeyError)
    }

    pub fn public_key(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }

    /// With the signature in place of whatever stood there.
    pub fn sign(&self, tenant: &TenantId, manifest: Manifest) -> Manifest {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.0.sign(canonical(tenant, &manifest).as_bytes()).as_ref());
        Manifest { signature: Signature(signature), ..manifest }
    }
}

/// Tells whether a manifest was signed by the key that it belongs to. As text: Base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl PublicKey {
    pub fn vouches_for(&self, tenant: &TenantId, manifest: &Manifest) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        key.verify(canonical(tenant, manifest).as_bytes(), &manifest.signature.0).is_ok()
    }
}

/// What is signed: a line a field, in this order, so that anybody can put it together again.
pub fn canonical(tenant: &TenantId, manifest: &Manifest) -> String {
    let Manifest { number, instant, kind, epoch, object, length, sha256, previous, documents, bytes, signature: _ } = manifest;
    let previous = previous.map_or_else(|| "-".to_owned(), |previous| previous.to_string());
    format!(
        "sluss manifest 1\ntenant {tenant}\nnumber {number}\ninstant {instant}\nkind {kind}\nepoch {epoch}\nobject {object}\nlength {length}\n\
         sha256 {sha256}\nprevious {previous}\ndocuments {documents}\nbytes {bytes}\n"
    )
}

/// The list of all kept manifests, which lies beside the objects of the offsite placement: from it and the objects alone everything can be
/// put together again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestList {
    pub tenant: String,
    /// For people. Who checks takes the key that is configured.
    pub public_key: String,
    /// By their numbers.
    pub manifests: Vec<Manifest>,
}

/// What is wrong with a manifest among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Nobody who has the key signed what the list says of it.
    Signature,
    /// The manifest before it is not there, or not the one that it names.
    Chain,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "its signature is not that of the configured key",
            Self::Chain => "the manifest that it follows is missing, or another one than it names",
        })
    }
}

/// Every flaw with the manifest's number; the manifests are in the order of their numbers. What a base follows may have been dropped.
pub fn flaws(tenant: &TenantId, manifests: &[Manifest], key: &PublicKey) -> Vec<(u64, Flaw)> {
    let mut found = Vec::new();
    for (at, manifest) in manifests.iter().enumerate() {
        if !key.vouches_for(tenant, manifest) {
            found.push((manifest.number, Flaw::Signature));
        }
        if manifest.kind == BackupKind::Increment && !follows(manifest, at.checked_sub(1).map(|before| &manifests[before])) {
            found.push((manifest.number, Flaw::Chain));
        }
    }
    found
}

fn follows(manifest: &Manifest, before: Option<&Manifest>) -> bool {
    before.is_some_and(|before| manifest.previous == Some(before.sha256))
}

/// The manifests that the state at one of them is made from: its base, and every increment up to it. `None`: some of them are missing.
pub fn chain(manifests: &[Manifest], number: u64) -> Option<&[Manifest]> {
    let last = manifests.iter().position(|manifest| manifest.number == number)?;
    let first = manifests[..=last].iter().rposition(|manifest| manifest.kind == BackupKind::Base)?;
    let chain = &manifests[first..=last];
    chain.windows(2).all(|pair| follows(&pair[1], Some(&pair[0]))).then_some(chain)
}

/// Increments may come to half of their base. Below this much, no base is worth a thought.
const SMALL_INCREMENTS_BYTES: u64 = 64 << 10;

/// The oldest base that an increment is put on.
const OLDEST_BASE: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// The manifest that the next one follows as an increment; `None`: the next one is a base. `manifests`: all that are kept, by their numbers.
pub fn increment_on(manifests: &[Manifest], now: jiff::Timestamp, epoch: u64) -> Option<&Manifest> {
    let last = manifests.last()?;
    let (base, increments) = chain(manifests, last.number)?.split_first()?;
    let grown: u64 = increments.iter().map(|increment| increment.length).sum();
    let outgrown = grown > (base.length / 2).max(SMALL_INCREMENTS_BYTES);
    // After a restore of the database changes are missing that no walk by time finds.
    let same_course = last.epoch == epoch && last.instant <= now;
    (same_course && !outgrown && now.duration_since(base.instant) < OLDEST_BASE).then_some(last)
}

#[cfg(test)]
pub(super) mod tests {
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
        let signed = signer.sign(&tenant(), manifest);
        let public = signer.public_key();
        assert!(public.vouches_for(&tenant(), &signed));
        let changed = [
            Manifest { number: 9, ..signed.clone() },
            Manifest { instant: signed.instant + 1.seconds(), ..signed.clone() },
            Manifest { kind: BASE, ..signed.clone() },
            Manifest { epoch: 2, ..signed.clone() },
            Manifest { length: 1001, ..signed.clone() },
            Manifest { sha256: ContentHash([9; 32]), ..signed.clone() },
            Manifest { previous: None, ..signed.clone() },
            Manifest { documents: 2, ..signed.clone() },
            Manifest { bytes: 2, ..signed.clone() },
            Manifest { object: FreshKey::mint("offsite".parse().unwrap()).object().id, ..signed.clone() },
        ];
        assert!(changed.iter().all(|changed| !public.vouches_for(&tenant(), changed)));
        assert!(!public.vouches_for(&"globex".parse().unwrap(), &signed));
        assert!(!key(2).public_key().vouches_for(&tenant(), &signed));
    }

    #[test]
    fn a_key_is_read_from_base64_or_pem_and_its_text_is_never_repeated() {
        let pem =
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n-----END PRIVATE KEY-----\n";
        assert_eq!(SigningKey::parse(&Secret::new(pem)).unwrap().public_key(), key(1).public_key());
        for bad in ["", "hello", "AAAA", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            assert!(SigningKey::parse(&Secret::new(bad)).is_err_and(|error| !error.to_string().contains("AAAA")), "{bad}");
        }
    }

    #[test]
    fn a_manifest_that_was_taken_away_or_put_in_is_found() {
        let (signer, made) = (key(1), manifests(&[BASE, INCREMENT, INCREMENT, BASE, INCREMENT]));
        let signed: Vec<Manifest> = made.into_iter().map(|manifest| signer.sign(&tenant(), manifest)).collect();
        let public = signer.public_key();
        assert!(flaws(&tenant(), &signed, &public).is_empty());
        let mut without = signed.clone();
        without.remove(1);
        assert_eq!(flaws(&tenant(), &without, &public), [(3, Flaw::Chain)]);
        assert_eq!(chain(&without, 3), None);
        // A group is dropped from its end, so what a base follows may be gone.
        assert!(flaws(&tenant(), &signed[3..], &public).is_empty());
        let mut forged = signed.clone();
        forged[4] = key(2).sign(&tenant(), forged[4].clone());
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
}
