//! Tokens of an answer (2.2.7), all but those of rows.

use bytes::{BufMut, BytesMut};

use super::login::Login;
use super::parameter::tag as data;
use super::prelogin::SERVER_VERSION;
use super::transaction::Change;
use crate::value::ServerError;

mod tag {
    pub(super) const RETURN_STATUS: u8 = 0x79;
    pub(super) const ERROR: u8 = 0xAA;
    pub(super) const RETURN_VALUE: u8 = 0xAC;
    pub(super) const LOGIN_ACK: u8 = 0xAD;
    pub(super) const ENV_CHANGE: u8 = 0xE3;
    pub(super) const DONE: u8 = 0xFD;
    pub(super) const DONE_PROC: u8 = 0xFE;
    pub(super) const DONE_IN_PROC: u8 = 0xFF;
}

/// Types of ENVCHANGE (2.2.7.9).
mod change {
    pub(super) const DATABASE: u8 = 1;
    pub(super) const PACKET_SIZE: u8 = 4;
    pub(super) const COLLATION: u8 = 7;
    pub(super) const BEGIN: u8 = 8;
    pub(super) const COMMIT: u8 = 9;
    pub(super) const ROLLBACK: u8 = 10;
    pub(super) const RESET: u8 = 18;
}

/// SQL_Latin1_General_CP1_CI_AS, the default of a server installed in English (2.2.5.1.2).
pub(crate) const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// The name in messages of errors.
pub(crate) const SERVER_NAME: &str = "sluss-tds";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Of a statement in a batch.
    Statement,
    /// Of a statement in a procedure.
    InProcedure,
    Procedure,
}

/// Status bits of DONE (2.2.7.6).
pub(crate) mod done {
    pub(crate) const FINAL: u16 = 0x0000;
    pub(crate) const MORE: u16 = 0x0001;
    pub(crate) const ERROR: u16 = 0x0002;
    pub(crate) const COUNT: u16 = 0x0010;
    pub(crate) const ATTENTION: u16 = 0x0020;
}

pub(crate) fn put_done(buffer: &mut BytesMut, kind: Done, status: u16, rows: u64) {
    buffer.put_u8(match kind {
        Done::Statement => tag::DONE,
        Done::InProcedure => tag::DONE_IN_PROC,
        Done::Procedure => tag::DONE_PROC,
    });
    buffer.put_u16_le(status);
    // CurCmd, which kind of statement it was: nothing that clients may rely on.
    buffer.put_u16_le(0);
    buffer.put_u64_le(rows);
}

pub(crate) fn put_error(buffer: &mut BytesMut, error: &ServerError) {
    let mut body = BytesMut::new();
    body.put_u32_le(error.number);
    body.put_u8(error.state);
    body.put_u8(error.severity);
    // US_VARCHAR, within a token of at most 64 KiB.
    let message: Vec<u16> = error.message.encode_utf16().take(16_000).collect();
    body.put_u16_le(message.len() as u16);
    message.iter().for_each(|unit| body.put_u16_le(*unit));
    put_b_varchar(&mut body, SERVER_NAME);
    put_b_varchar(&mut body, "");
    // The line: engines behind this wire count none.
    body.put_u32_le(1);
    put_with_length(buffer, tag::ERROR, &body);
}

pub(crate) fn put_login_ack(buffer: &mut BytesMut, login: &Login) {
    let mut body = BytesMut::new();
    // SQL_TSQL.
    body.put_u8(1);
    body.put_u32(login.tds_version);
    put_b_varchar(&mut body, "Microsoft SQL Server");
    body.put_slice(&SERVER_VERSION);
    put_with_length(buffer, tag::LOGIN_ACK, &body);
}

pub(crate) fn put_database(buffer: &mut BytesMut, database: &str) {
    put_text_change(buffer, change::DATABASE, database, "master");
}

pub(crate) fn put_packet_size(buffer: &mut BytesMut, size: usize) {
    put_text_change(buffer, change::PACKET_SIZE, &size.to_string(), "4096");
}

pub(crate) fn put_collation(buffer: &mut BytesMut) {
    put_bytes_change(buffer, change::COLLATION, &COLLATION, &[]);
}

pub(crate) fn put_reset(buffer: &mut BytesMut) {
    put_bytes_change(buffer, change::RESET, &[], &[]);
}

pub(crate) fn put_transaction(buffer: &mut BytesMut, what: Change) {
    // The descriptor comes back in the headers of each request, where this server does not look.
    let descriptor = 1_u64.to_le_bytes();
    match what {
        Change::Begun => put_bytes_change(buffer, change::BEGIN, &descriptor, &[]),
        Change::Committed => put_bytes_change(buffer, change::COMMIT, &[], &descriptor),
        Change::RolledBack => put_bytes_change(buffer, change::ROLLBACK, &[], &descriptor),
    }
}

pub(crate) fn put_return_status(buffer: &mut BytesMut, status: i32) {
    buffer.put_u8(tag::RETURN_STATUS);
    buffer.put_i32_le(status);
}

/// RETURNVALUE (2.2.7.19) of the one output that there is: the handle of a prepared statement.
pub(crate) fn put_handle(buffer: &mut BytesMut, handle: i64) {
    buffer.put_u8(tag::RETURN_VALUE);
    buffer.put_u16_le(0);
    put_b_varchar(buffer, "@handle");
    // An output parameter; no user type; no flags.
    buffer.put_u8(1);
    buffer.put_u32_le(0);
    buffer.put_u16_le(0);
    buffer.put_slice(&[data::INT_N, 4, 4]);
    buffer.put_i32_le(handle as i32);
}

pub(crate) fn put_b_varchar(buffer: &mut BytesMut, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(255).collect();
    buffer.put_u8(units.len() as u8);
    units.iter().for_each(|unit| buffer.put_u16_le(*unit));
}

fn put_text_change(buffer: &mut BytesMut, kind: u8, new: &str, old: &str) {
    let mut body = BytesMut::new();
    body.put_u8(kind);
    put_b_varchar(&mut body, new);
    put_b_varchar(&mut body, old);
    put_with_length(buffer, tag::ENV_CHANGE, &body);
}

fn put_bytes_change(buffer: &mut BytesMut, kind: u8, new: &[u8], old: &[u8]) {
    let mut body = BytesMut::new();
    body.put_u8(kind);
    for value in [new, old] {
        body.put_u8(value.len() as u8);
        body.put_slice(value);
    }
    put_with_length(buffer, tag::ENV_CHANGE, &body);
}

fn put_with_length(buffer: &mut BytesMut, token: u8, body: &[u8]) {
    buffer.put_u8(token);
    buffer.put_u16_le(body.len() as u16);
    buffer.put_slice(body);
}
