//! The header of an age file: the file's key, wrapped for each recipient by X25519, HKDF and ChaCha20-Poly1305, and what authenticates
//! it. The format is age-encryption.org/v1, as its specification at C2SP has it; primitives are OpenSSL's and ring's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use openssl::pkey::PKey;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};

use super::identity::Identity;
use crate::config::Recipient;

const VERSION: &str = "age-encryption.org/v1";
const STANZA: &str = "-> X25519 ";
const MAC: &str = "---";

const FILE_KEY_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// Between the header and the payload.
pub(super) const NONCE_BYTES: usize = 16;

/// Of 32 bytes in Base64 without padding.
const ENCODED_BYTES: u64 = 43;

/// Header and nonce of what is sealed for so many.
pub(super) fn bytes(recipients: usize) -> u64 {
    let stanza = STANZA.len() as u64 + ENCODED_BYTES + 1 + ENCODED_BYTES + 1;
    VERSION.len() as u64 + 1 + recipients as u64 * stanza + MAC.len() as u64 + 1 + ENCODED_BYTES + 1 + NONCE_BYTES as u64
}

/// Why a header gave no key.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// It is for others.
    NoKey,
    /// It is no header, or not as it was written.
    Altered(&'static str),
}

impl NotOpened {
    /// In words for whoever has to find the key.
    pub(super) fn reason(&self, recipients: &[Recipient], tried: &[Identity]) -> String {
        let list = |keys: Vec<String>| keys.join(", ");
        match self {
            Self::Altered(reason) => (*reason).to_owned(),
            Self::NoKey if tried.is_empty() => {
                let wanted = list(recipients.iter().map(Recipient::to_string).collect());
                format!("it is sealed, and the private key is missing: name as backup.identity one that belongs to {wanted}")
            }
            Self::NoKey => {
                let tried = list(tried.iter().map(|identity| identity.recipient().to_string()).collect());
                format!("it is sealed for other keys than {tried}: name as backup.identity one that it was sealed for")
            }
        }
    }
}

/// Header and nonce of a new file, and the key of its payload. `Err`: the reason.
pub(super) fn begin(recipients: &[Recipient]) -> Result<(Vec<u8>, LessSafeKey), String> {
    let (mut file_key, mut nonce) = ([0; FILE_KEY_BYTES], [0; NONCE_BYTES]);
    let random = SystemRandom::new();
    random.fill(&mut file_key).and_then(|()| random.fill(&mut nonce)).map_err(|_| "there is no randomness to be had".to_owned())?;
    let mut header = format!("{VERSION}\n");
    for recipient in recipients {
        let (share, wrapped) = wrap(&file_key, recipient)?;
        header += &format!("{STANZA}{}\n{}\n", BASE64.encode(share), BASE64.encode(wrapped));
    }
    header += MAC;
    let mac = BASE64.encode(hmac::sign(&mac_key(&file_key), header.as_bytes()));
    let mut header = format!("{header} {mac}\n").into_bytes();
    header.extend(nonce);
    Ok((header, payload_key(&file_key, &nonce)))
}

fn wrap(file_key: &[u8; FILE_KEY_BYTES], recipient: &Recipient) -> Result<([u8; KEY_BYTES], Vec<u8>), String> {
    let ephemeral = PKey::generate_x25519().and_then(Identity::new).map_err(|error| format!("no key can be made: {error}"))?;
    let share = *ephemeral.recipient().key();
    let shared =
        ephemeral.agree(recipient.key()).ok_or_else(|| format!("nothing can be sealed for {recipient}: it is no key of anybody's"))?;
    let mut wrapped = file_key.to_vec();
    let sealed = wrapping_key(&shared, &share, recipient).seal_in_place_append_tag(no_nonce(), Aad::empty(), &mut wrapped);
    sealed.expect("16 bytes are far below the cipher's limit");
    Ok((share, wrapped))
}

/// The key of the payload, from header and nonce.
pub(super) fn open(header: &[u8], identities: &[Identity]) -> Result<LessSafeKey, NotOpened> {
    let Header { stanzas, signed, mac, nonce } = parse(header).ok_or(NotOpened::Altered("its header is not one of age's"))?;
    let tries = identities.iter().flat_map(|identity| stanzas.iter().map(move |stanza| (identity, stanza)));
    let file_key = tries.into_iter().find_map(|(identity, stanza)| unwrap(identity, stanza)).ok_or(NotOpened::NoKey)?;
    hmac::verify(&mac_key(&file_key), signed, &mac).map_err(|_| NotOpened::Altered("its header was altered"))?;
    Ok(payload_key(&file_key, nonce))
}

/// What is for one recipient.
struct Stanza {
    share: [u8; KEY_BYTES],
    wrapped: [u8; FILE_KEY_BYTES + TAG_BYTES],
}

struct Header<'a> {
    stanzas: Vec<Stanza>,
    /// What the code authenticates.
    signed: &'a [u8],
    mac: Vec<u8>,
    nonce: &'a [u8; NONCE_BYTES],
}

/// Only what [`begin`] writes: files of other makers are opened by other programs.
fn parse(header: &[u8]) -> Option<Header<'_>> {
    let (text, nonce) = header.split_last_chunk::<NONCE_BYTES>()?;
    let text = str::from_utf8(text).ok()?;
    let mut lines = text.strip_prefix(VERSION)?.strip_prefix('\n')?.split_inclusive('\n');
    let mut stanzas = Vec::new();
    loop {
        let line = lines.next()?.strip_suffix('\n')?;
        if let Some(mac) = line.strip_prefix(MAC) {
            let mac = BASE64.decode(mac.strip_prefix(' ')?).ok()?;
            let signed = &text.as_bytes()[..text.len() - line.len() - 1 + MAC.len()];
            return lines.next().is_none().then_some(Header { stanzas, signed, mac, nonce });
        }
        let share = BASE64.decode(line.strip_prefix(STANZA)?).ok()?;
        let wrapped = BASE64.decode(lines.next()?.strip_suffix('\n')?).ok()?;
        stanzas.push(Stanza { share: share.try_into().ok()?, wrapped: wrapped.try_into().ok()? });
    }
}

/// `None`: it is for another key.
fn unwrap(identity: &Identity, Stanza { share, wrapped }: &Stanza) -> Option<[u8; FILE_KEY_BYTES]> {
    let shared = identity.agree(share)?;
    let mut wrapped = *wrapped;
    let key = wrapping_key(&shared, share, identity.recipient());
    let file_key: &[u8] = key.open_in_place(no_nonce(), Aad::empty(), &mut wrapped).ok()?;
    file_key.try_into().ok()
}

fn wrapping_key(shared: &[u8], share: &[u8; KEY_BYTES], recipient: &Recipient) -> LessSafeKey {
    let salt = [share.as_slice(), recipient.key()].concat();
    cipher(&derive(shared, &salt, b"age-encryption.org/v1/X25519"))
}

/// A key that is used once needs none.
fn no_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn mac_key(file_key: &[u8; FILE_KEY_BYTES]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &derive(file_key, &[], b"header"))
}

fn payload_key(file_key: &[u8; FILE_KEY_BYTES], nonce: &[u8; NONCE_BYTES]) -> LessSafeKey {
    cipher(&derive(file_key, nonce, b"payload"))
}

fn cipher(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("the cipher's keys have 32 bytes"))
}

fn derive(secret: &[u8], salt: &[u8], purpose: &[u8]) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let expanded = prk.expand(&[purpose], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
    expanded.expect("a key is as long as one hash");
    key
}
