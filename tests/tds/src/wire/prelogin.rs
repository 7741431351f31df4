//! PRELOGIN (2.2.6.5): versions, and what is encrypted.

use bytes::{BufMut, Bytes, BytesMut};

use super::WireError;

/// What the server does about encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// Has none, and says so. A client that insists is refused.
    NotSupported,
    /// Encrypts logins only, also for clients that wish for more: as one in the middle would answer. Such a client must refuse.
    Off,
    /// As each client wishes: SQL Server's default.
    #[default]
    On,
    /// Encrypts everything. A client without encryption is refused.
    Required,
}

/// What of a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encrypted {
    Nothing,
    Login,
    Everything,
    /// The two cannot agree: the server answers, and closes.
    Refused,
}

mod option {
    pub(super) const VERSION: u8 = 0x00;
    pub(super) const ENCRYPTION: u8 = 0x01;
    pub(super) const INSTANCE: u8 = 0x02;
    pub(super) const THREAD: u8 = 0x03;
    pub(super) const MARS: u8 = 0x04;
    pub(super) const END: u8 = 0xFF;
}

const OFF: u8 = 0x00;
const ON: u8 = 0x01;
const NOT_SUPPORTED: u8 = 0x02;
const REQUIRED: u8 = 0x03;

/// SQL Server 2022, whose version decides nothing but what drivers log: 16.0.1000.
pub(crate) const SERVER_VERSION: [u8; 4] = [16, 0, 0x03, 0xE8];

/// The client's wish for encryption.
pub(crate) fn wish(payload: &[u8]) -> Result<u8, WireError> {
    for entry in payload.chunks_exact(5) {
        match entry[0] {
            option::END => break,
            option::ENCRYPTION => {
                let at = usize::from(u16::from_be_bytes([entry[1], entry[2]]));
                return payload.get(at).copied().ok_or_else(|| WireError::protocol("a PRELOGIN option outside of its message"));
            }
            _ => {}
        }
    }
    Err(WireError::protocol("a PRELOGIN without encryption"))
}

/// The server's answer to a wish, and what follows from the two.
pub(crate) fn agree(server: Encryption, wish: u8) -> (u8, Encrypted) {
    match (server, wish) {
        (Encryption::NotSupported, ON | REQUIRED) => (NOT_SUPPORTED, Encrypted::Refused),
        (Encryption::NotSupported, _) => (NOT_SUPPORTED, Encrypted::Nothing),
        (Encryption::Off, ON | REQUIRED) => (OFF, Encrypted::Login),
        (Encryption::On, ON | REQUIRED) => (ON, Encrypted::Everything),
        (Encryption::Off | Encryption::On, OFF) => (OFF, Encrypted::Login),
        (Encryption::Off | Encryption::On, _) => (NOT_SUPPORTED, Encrypted::Nothing),
        (Encryption::Required, OFF) => (REQUIRED, Encrypted::Everything),
        (Encryption::Required, ON | REQUIRED) => (ON, Encrypted::Everything),
        // A client that knows no TLS cannot go on; one that only prefers none finds out from the answer, and may.
        (Encryption::Required, _) => (REQUIRED, Encrypted::Everything),
    }
}

pub(crate) fn answer(encryption: u8) -> Bytes {
    let mut version = SERVER_VERSION.to_vec();
    version.extend([0, 0]);
    let options: [(u8, &[u8]); 5] = [
        (option::VERSION, &version),
        (option::ENCRYPTION, &[encryption]),
        (option::INSTANCE, &[0]),
        (option::THREAD, &[]),
        (option::MARS, &[0]),
    ];
    let mut answer = BytesMut::new();
    let mut at = options.len() * 5 + 1;
    for (option, data) in options {
        answer.put_u8(option);
        answer.put_u16(at as u16);
        answer.put_u16(data.len() as u16);
        at += data.len();
    }
    answer.put_u8(option::END);
    for (_, data) in options {
        answer.put_slice(data);
    }
    answer.freeze()
}
