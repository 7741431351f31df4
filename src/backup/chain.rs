//! What makes manifests trustworthy: each is signed, and names the hash of the one before it. Pure: who reads and writes them is elsewhere.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::model::backup::{BackupKind, Manifest, PublicKey, Signature};
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
    pub fn sign(&self, tenant: &TenantId, manifest: &Manifest) -> Manifest {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.0.sign(canonical(tenant, manifest).as_bytes()).as_ref());
        Manifest { signature: Signature(signature), ..manifest.clone() }
    }
}

/// The keys that may have signed a tenant's manifests: the one that signs, and those of before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKeys {
    pub own: PublicKey,
    pub former: Vec<PublicKey>,
}

impl TrustedKeys {
    pub fn vouch_for(&self, tenant: &TenantId, manifest: &Manifest) -> bool {
        let signed = canonical(tenant, manifest);
        let vouches = |key: &PublicKey| UnparsedPublicKey::new(&ED25519, &key.0).verify(signed.as_bytes(), &manifest.signature.0).is_ok();
        vouches(&self.own) || self.former.iter().any(vouches)
    }
}

/// What is signed: a line a field, in this order, so that anybody can put it together again.
pub fn canonical(tenant: &TenantId, manifest: &Manifest) -> String {
    let Manifest { number, instant, kind, epoch, object, length, sha256, previous, staged_from, documents, bytes, signature: _ } = manifest;
    let previous = previous.map_or_else(|| "-".to_owned(), |previous| previous.to_string());
    let staged_from = staged_from.map_or_else(String::new, |from| format!("staged_from {from}\n"));
    format!(
        "sluss manifest 1\ntenant {tenant}\nnumber {number}\ninstant {instant}\nkind {kind}\nepoch {epoch}\nobject {object}\nlength {length}\n\
         sha256 {sha256}\nprevious {previous}\ndocuments {documents}\nbytes {bytes}\n{staged_from}"
    )
}

/// The list of all kept manifests, which lies beside the objects of the offsite placement: from it and the objects alone everything can be
/// put together again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestList {
    pub tenant: String,
    /// That of the last run, for people. Who checks takes the keys that are configured.
    pub public_key: String,
    /// By their numbers.
    pub manifests: Vec<Manifest>,
}

/// What is wrong with a manifest among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Nobody who has one of the keys signed what the list says of it.
    Signature,
    /// The manifest before it is not there, or not the one that it names.
    Chain,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "its signature is that of no configured key",
            Self::Chain => "the manifest that it follows is missing, or another one than it names",
        })
    }
}

/// Every flaw with the manifest's number; the manifests are in the order of their numbers. What a base follows may have been dropped.
pub fn flaws(tenant: &TenantId, manifests: &[Manifest], keys: &TrustedKeys) -> Vec<(u64, Flaw)> {
    let mut found = Vec::new();
    for (at, manifest) in manifests.iter().enumerate() {
        if !keys.vouch_for(tenant, manifest) {
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
pub(super) mod tests;
