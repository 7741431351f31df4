//! From an accepted connection to a session: PRELOGIN, TLS, LOGIN7.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::WireError;
use super::answer::Answer;
use super::login::{self, Login};
use super::packet::{self, DEFAULT_SIZE, Incoming, Message, kind};
use super::prelogin::{self, Encrypted};
use super::tls;
use super::token::{self, Done, done};
use crate::server::Shared;
use crate::value::ServerError;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A client that may ask.
pub(crate) struct Welcome {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) incoming: Incoming,
    pub(crate) login: Login,
    /// As the server spells it.
    pub(crate) database: String,
}

/// `None`: the client was refused, with an answer, or went away.
pub(crate) async fn welcome(mut tcp: TcpStream, shared: &Shared) -> Result<Option<Welcome>, WireError> {
    let mut incoming = Incoming::default();
    let Some(message) = expect(&mut incoming, &mut tcp, kind::PRELOGIN).await? else { return Ok(None) };
    let (answer, encrypted) = prelogin::agree(shared.encryption, prelogin::wish(&message.payload)?);
    packet::send(&mut tcp, kind::ANSWER, DEFAULT_SIZE, vec![prelogin::answer(answer)], None).await?;
    if incoming.has_more() {
        return Err(WireError::protocol("a client that does not wait for the answer to its PRELOGIN"));
    }
    let (mut stream, message): (Box<dyn Stream>, _) = match encrypted {
        Encrypted::Refused => return Ok(None),
        Encrypted::Nothing => {
            let message = expect(&mut incoming, &mut tcp, kind::LOGIN).await?;
            (Box::new(tcp), message)
        }
        Encrypted::Everything => {
            let mut stream = tls::accept(&shared.acceptor, tcp).await?;
            let message = expect(&mut incoming, &mut stream, kind::LOGIN).await?;
            (Box::new(stream), message)
        }
        Encrypted::Login => {
            let mut stream = tls::accept(&shared.acceptor, tcp).await?;
            let message = expect(&mut incoming, &mut stream, kind::LOGIN).await?;
            // From here on plain, the answer to the login included. TLS takes no leave.
            (Box::new(stream.into_inner().0.into_inner()), message)
        }
    };
    let Some(message) = message else { return Ok(None) };
    let login = login::parse(&message.payload)?;
    match admit(&login, shared) {
        Ok(database) => {
            shared.faults.count(|counts| *counts.logins.entry(login.application.clone()).or_default() += 1);
            let answer = accepted(&login, &database);
            // The agreed size holds from the next message on.
            packet::send(&mut stream, kind::ANSWER, DEFAULT_SIZE, answer.into_segments(), None).await?;
            Ok(Some(Welcome { stream, incoming, login, database }))
        }
        Err(errors) => {
            shared.faults.count(|counts| counts.logins_refused += 1);
            let mut answer = Answer::default();
            errors.iter().for_each(|error| token::put_error(&mut answer.tail, error));
            token::put_done(&mut answer.tail, Done::Statement, done::ERROR, 0);
            packet::send(&mut stream, kind::ANSWER, DEFAULT_SIZE, answer.into_segments(), None).await?;
            Ok(None)
        }
    }
}

async fn expect(incoming: &mut Incoming, stream: &mut impl Stream, kind: u8) -> Result<Option<Message>, WireError> {
    match incoming.message(stream).await? {
        Some(message) if message.kind != kind => {
            Err(WireError::protocol(format!("a message of type 0x{:02X} instead of 0x{kind:02X}", message.kind)))
        }
        message => Ok(message),
    }
}

/// The database that a login gets, or why it gets none.
fn admit(login: &Login, shared: &Shared) -> Result<String, Vec<ServerError>> {
    if let Some(refusal) = shared.faults.login_refusal(&login.user, &login.database) {
        return Err(vec![refusal]);
    }
    let failed = || ServerError { number: 18456, severity: 14, state: 1, message: format!("Login failed for user '{}'.", login.user) };
    if shared.logins.get(&login.user) != Some(&login.password) {
        return Err(vec![failed()]);
    }
    let known = if login.database.is_empty() {
        shared.databases.keys().next()
    } else {
        // Names of databases have the server's collation, which is blind to case.
        shared.databases.keys().find(|name| name.eq_ignore_ascii_case(&login.database))
    };
    known.cloned().ok_or_else(|| {
        let message = format!("Cannot open database \"{}\" requested by the login. The login failed.", login.database);
        vec![ServerError { number: 4060, severity: 11, state: 1, message }, failed()]
    })
}

fn accepted(login: &Login, database: &str) -> Answer {
    let mut answer = Answer::default();
    token::put_database(&mut answer.tail, database);
    token::put_collation(&mut answer.tail);
    token::put_login_ack(&mut answer.tail, login);
    token::put_packet_size(&mut answer.tail, login.packet_size);
    token::put_done(&mut answer.tail, Done::Statement, done::FINAL, 0);
    answer
}
