//! Whom sealed objects are for: the public half of an age key pair, as `age-keygen` prints it.

use std::fmt;
use std::str::FromStr;

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;

/// What every public key of age begins with, before the digit 1.
const PREFIX: &str = "age";

/// A public X25519 key. Its text is what the configuration says, and may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a public key: write what age-keygen prints as \"public key\", which begins with \"age1\"")]
pub struct NoRecipient;

impl Recipient {
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub fn key(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Recipient {
    type Err = NoRecipient;

    /// What was written is not repeated: somebody may have put the private key here.
    fn from_str(text: &str) -> Result<Self, NoRecipient> {
        key_of(text, PREFIX).map(Self).ok_or(NoRecipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = bech32::Hrp::parse(PREFIX).expect("it is three letters");
        bech32::encode_to_fmt::<Bech32, _>(f, prefix, &self.0).map_err(|_| fmt::Error)
    }
}

/// The 32 bytes of a key that is spelled in Bech32 behind this prefix. `None`: it is none, or its checksum tells a slip.
pub fn key_of(text: &str, prefix: &str) -> Option<[u8; 32]> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    if checked.hrp().to_lowercase() != prefix {
        return None;
    }
    checked.byte_iter().collect::<Vec<u8>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    #[test]
    fn a_key_is_told_as_it_was_written() {
        assert_eq!(KEY.parse::<Recipient>().unwrap().to_string(), KEY);
    }

    #[test]
    fn a_slip_of_one_letter_and_a_private_key_are_none() {
        let slip = KEY.replacen('z', "y", 1);
        let private = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        for bad in [slip.as_str(), private, "age1", ""] {
            assert_eq!(bad.parse::<Recipient>(), Err(NoRecipient), "{bad}");
        }
        assert_eq!(key_of(private, "age-secret-key-"), Some([0x42; 32]));
    }
}
