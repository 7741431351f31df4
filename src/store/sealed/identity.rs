//! Private keys, as `age-keygen` writes them. Their text never leaves this file.

use openssl::derive::Deriver;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};

use crate::config::{Recipient, Secret, key_of};

/// As `AGE-SECRET-KEY-1...`, before the digit.
const PREFIX: &str = "age-secret-key-";

/// What opens objects that are sealed for its recipient.
pub(super) struct Identity {
    key: PKey<Private>,
    recipient: Recipient,
}

impl Identity {
    pub(super) fn new(key: PKey<Private>) -> Result<Self, ErrorStack> {
        let public = key.raw_public_key()?;
        let recipient = Recipient::new(public.try_into().expect("an X25519 key has 32 bytes"));
        Ok(Self { key, recipient })
    }

    pub(super) fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// What only the holders of both private keys can know. `None`: the other key is none, or chosen so that everybody knows it.
    pub(super) fn agree(&self, with: &[u8; 32]) -> Option<Vec<u8>> {
        let peer = PKey::public_key_from_raw_bytes(with, Id::X25519).ok()?;
        let mut deriver = Deriver::new(&self.key).ok()?;
        deriver.set_peer(&peer).ok()?;
        let shared = deriver.derive_to_vec().ok()?;
        shared.iter().any(|byte| *byte != 0).then_some(shared)
    }
}

/// Every key of the file, a line each, beside comments. The reason tells a line's number and never its text.
pub(super) fn parse(text: &Secret) -> Result<Vec<Identity>, String> {
    let lines = text.reveal().lines().map(str::trim).enumerate();
    let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let identities: Vec<Identity> = keys
        .map(|(at, line)| parse_one(line).map_err(|reason| format!("line {} of the identity {reason}", at + 1)))
        .collect::<Result<_, _>>()?;
    if identities.is_empty() { Err("the identity holds no key".to_owned()) } else { Ok(identities) }
}

fn parse_one(line: &str) -> Result<Identity, String> {
    let key = key_of(line, PREFIX).ok_or("is not a private key of age, which begins with AGE-SECRET-KEY-1")?;
    PKey::private_key_from_raw_bytes(&key, Id::X25519).and_then(Identity::new).map_err(|error| format!("cannot be used: {error}"))
}
