//! Requests as no client would write them: sound ones, and sound ones with anything in them replaced by what a parser may trip over.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::house::{EVERYTHING, STRANGER};

/// What one connection is sent, in these portions.
pub struct Sent {
    pub portions: Vec<Vec<u8>>,
    /// All of it asks by HEAD, so answers have no bodies.
    pub head: bool,
}

const METHODS: [&str; 12] = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "PRI", "get", "G\u{e9}T", ""];
const VERSIONS: [&str; 7] = [" HTTP/1.1", " HTTP/1.0", " HTTP/2.0", " HTTP/9.9", " HTTP/1.1 ", "", " ICY"];
/// Never `globex`, whose document the sound request in between asks for.
const TENANTS: [&str; 6] = ["acme", "acme", "ACME", "nobody", "", "acme%00"];
const COLLECTIONS: [&str; 5] = ["documents", "documents", "Documents", "%64ocuments", ".."];
const IDS: [&str; 16] = [
    "1",
    "2",
    "77",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "1e3",
    "%31",
    "%",
    "%zz",
    "%ff",
    "%00",
    "..%2f..%2fetc",
    "1%20",
    "\u{661}",
    "",
];
const TAILS: [&str; 9] = ["", "", "?after=&limit=10", "?limit=99999999999999999999", "?%ff=%ff", "#x", "/metadata", "/versions/x", "//"];
const TARGETS: [&str; 9] =
    ["*", "/", "//", "http://other.test/v1/tenants/acme/documents/1", "acme:80", "/openapi.json", "/healthz", "/metrics", "\\"];
const ADMIN: [&str; 15] = [
    "tenants",
    "tenants/acme",
    "tenants/acme/phase",
    "tenants/acme/verify",
    "tenants/acme/purge",
    "tenants/acme/differences",
    "tenants/acme/limits",
    "jobs",
    "jobs/retry",
    "jobs/acme:1/retry",
    "audit",
    "backups",
    "drills",
    "limits",
    "restores/acme:1/cancel",
];
const QUERIES: [&str; 8] =
    ["", "", "?limit=1", "?limit=-1", "?after=18446744073709551616", "?state=%ff", "?check=true&before=0", "?tenant=acme&&=&"];
const LISTS: [&str; 10] = [
    "",
    "?limit=1&after=1",
    "?limit=0",
    "?limit=1&limit=1",
    "?after=9223372036854775808",
    "?after=%ff",
    "?after=%00&limit=1000",
    "?x=1",
    "/1/metadata",
    "/one/metadata?limit=1",
];
const JSON: [&str; 10] = [
    "{}",
    "{\"to\":\"dual\",\"dry_run\":true}",
    "{\"to\":7}",
    "[]",
    "null",
    "{\"concurrency\":1e99}",
    "{\"repair\":\"no\"}",
    "{\"tenant\":\"\\ud800\"}",
    "{\"to\":\"dual\",\"to\":\"sql\",\"dry_run\":true}",
    "\u{feff}{}",
];
const NAMES: [&str; 26] = [
    "Range",
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "Content-Type",
    "Content-Disposition",
    "Content-Range",
    "Content-Encoding",
    "Content-Digest",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Connection",
    "Upgrade",
    "Host",
    "On-Behalf-Of",
    "X-Request-Id",
    "Authorization",
    "Trailer",
    "TE",
    "Accept",
    "X-HTTP-Method-Override",
    "Forwarded",
];
const VALUES: [&str; 44] = [
    "",
    "*",
    "bytes=0-",
    "bytes=0-0",
    "bytes=-5",
    "bytes=9-1",
    "bytes=0-1,3-4,6-7",
    "bytes=0-18446744073709551615",
    "bytes=18446744073709551616-",
    "bytes=-0",
    "bytes=,,,",
    "bytes=\u{663}-4",
    "lines=1-2",
    "\"a\"",
    "W/\"a\"",
    "\"a\", \"b\"",
    "\"unclosed",
    "W/",
    "\"\"",
    "r-1-1",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "Thu, 32 Jan 99999 99:99:99 GMT",
    "attachment; filename=\"a.txt\"",
    "attachment; filename*=UTF-8''%e2%82%ac",
    "attachment; filename*=UTF-8''%ff",
    "attachment; filename=\"a",
    "attachment;;=;filename",
    "text/plain; charset=\"",
    "text/",
    "bytes 0-1/2",
    "gzip",
    "identity",
    "sha-256=:AAAA:",
    "sha-256=:@:, md5=1",
    "100-continue",
    "close",
    "keep-alive, upgrade",
    "h2c",
    "chunked",
    "gzip, chunked",
    "0",
    "-1",
];
const FRAMES: [&str; 14] = [
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Content-Length: 4294967296\r\n",
    "Content-Length : 5\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\tchunked\r\n",
    "Transfer-Encoding: \u{b}chunked\r\n",
    "Transfer-Encoding: chunked\r\nTrailer: X-End\r\n",
];
const CHUNKS: [&str; 12] = [
    "5\r\nhello\r\n0\r\n\r\n",
    "5;name=value\r\nhello\r\n0\r\n\r\n",
    "05\r\nhello\r\n0\r\nX-End: 1\r\n\r\n",
    "FFFFFFFFFFFFFFFFF\r\nhello",
    "-5\r\nhello\r\n",
    "5\r\nhelloworld\r\n0\r\n\r\n",
    "5\nhello\n0\n\n",
    "z\r\n",
    "\r\n",
    "0\r\n\r\n",
    "0\r\nContent-Length: 3\r\n\r\n",
    "5\r\nhel",
];

/// The same for the same seed.
pub fn sent(seed: u64, admin: bool) -> Sent {
    let mut dice = StdRng::seed_from_u64(seed);
    let head = dice.random_bool(0.1);
    let mut bytes = Vec::new();
    if head {
        bytes.extend(request(&mut dice, admin, Some("HEAD")));
    } else {
        for _ in 0..dice.random_range(1..=3) {
            bytes.extend(request(&mut dice, admin, None));
        }
        // Ends the connection, where everything before it was understood.
        bytes.extend(b"GET /openapi.json HTTP/1.1\r\nHost: sluss.test\r\nConnection: close\r\n\r\n");
    }
    if dice.random_bool(0.3) {
        mutate(&mut dice, &mut bytes);
    }
    let mut portions = vec![bytes];
    if dice.random_bool(0.2) {
        let cut = dice.random_range(0..=portions[0].len());
        let rest = portions[0].split_off(cut);
        portions.push(rest);
    }
    Sent { portions, head }
}

fn one<'a>(dice: &mut StdRng, from: &[&'a str]) -> &'a str {
    from.choose(dice).unwrap()
}

fn request(dice: &mut StdRng, admin: bool, method: Option<&'static str>) -> Vec<u8> {
    let method = match method {
        Some(method) => method,
        // Half of them are the usual ones.
        None if dice.random_bool(0.5) => one(dice, &METHODS[..4]),
        None => one(dice, &METHODS),
    };
    let version = if dice.random_bool(0.95) { VERSIONS[0] } else { one(dice, &VERSIONS) };
    let mut text = format!("{method} {}{version}\r\n", target(dice, admin));
    if dice.random_bool(0.95) {
        text += "Host: sluss.test\r\n";
    }
    match dice.random_range(0..10) {
        0 => {}
        1 => text += &format!("Authorization: Bearer {STRANGER}\r\n"),
        2 => text += "Authorization: Basic \u{ff}\r\n",
        _ => text += &format!("authorization: bEARER {EVERYTHING}\r\n"),
    }
    if method == "HEAD" {
        text += "Connection: close\r\n";
    }
    for _ in 0..dice.random_range(0..4) {
        text += &header(dice, method != "HEAD");
    }
    let mut bytes = text.into_bytes();
    match dice.random_range(0..10) {
        _ if method == "HEAD" => bytes.extend(b"\r\n"),
        0 => {
            bytes.extend(format!("{}\r\n", one(dice, &FRAMES)).bytes());
            bytes.extend(one(dice, &CHUNKS).bytes());
        }
        1 => bytes.extend(format!("Transfer-Encoding: chunked\r\n\r\n{}", one(dice, &CHUNKS)).bytes()),
        2..=5 => {
            let body = body(dice, admin);
            bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
            bytes.extend(body);
        }
        _ => bytes.extend(b"\r\n"),
    }
    bytes
}

fn target(dice: &mut StdRng, admin: bool) -> String {
    if dice.random_bool(0.1) {
        return one(dice, &TARGETS).to_owned();
    }
    if admin {
        return format!("/admin/v1/{}{}", one(dice, &ADMIN), one(dice, &QUERIES));
    }
    // Most go all the way: what is refused for its path is refused for nothing else.
    if dice.random_bool(0.6) {
        return format!("/v1/tenants/acme/documents/{}", one(dice, &["1", "2", "77", "78"]));
    }
    if dice.random_bool(0.3) {
        return format!("/v1/tenants/acme/documents{}", one(dice, &LISTS));
    }
    let (tenant, collection) = (one(dice, &TENANTS), one(dice, &COLLECTIONS));
    let id = if dice.random_bool(0.02) { "9".repeat(dice.random_range(1..20_000)) } else { one(dice, &IDS).to_owned() };
    format!("/v1/tenants/{tenant}/{collection}/{id}{}", one(dice, &TAILS))
}

fn header(dice: &mut StdRng, framing: bool) -> String {
    let name = one(dice, &NAMES);
    if !framing && ["Content-Length", "Transfer-Encoding", "Expect"].contains(&name) {
        return String::new();
    }
    let value = match dice.random_range(0..20) {
        0 => "x".repeat(dice.random_range(0..20_000)),
        1 => "\"a\",".repeat(dice.random_range(0..200)),
        2 => format!("bytes={}", "0-0,".repeat(dice.random_range(0..2000))),
        3 => (0..dice.random_range(0..40)).map(|_| char::from(dice.random_range(0x20..=0xff_u8))).collect(),
        _ => one(dice, &VALUES).to_owned(),
    };
    match dice.random_range(0..100) {
        0 => format!("{name} : {value}\r\n"),
        1 => format!("{name}:{value}\n"),
        2 => format!("{name}: {value}\r\n folded\r\n"),
        3 => format!("{name}\r\n"),
        4 => format!(": {value}\r\n"),
        5 => format!("{name}: {value}\r\n").repeat(dice.random_range(1..120)),
        _ => format!("{name}: {value}\r\n"),
    }
}

fn body(dice: &mut StdRng, admin: bool) -> Vec<u8> {
    if admin {
        return one(dice, &JSON).as_bytes().to_vec();
    }
    let length = *[0, 1, 5, 4000, 99_999, 100_001].choose(dice).unwrap();
    vec![b'x'; length]
}

/// A few bytes replaced, taken out, doubled, or all behind one cut off.
fn mutate(dice: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..dice.random_range(1..=4) {
        if bytes.is_empty() {
            return;
        }
        // Heads are where the parser is; bodies are only bytes.
        let at = dice.random_range(0..bytes.len().min(400));
        match dice.random_range(0..5) {
            0 => bytes[at] = dice.random(),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, *b"\0\r\n :,;\"%\x7f\xff/?".choose(dice).unwrap()),
            3 => {
                let end = (at + dice.random_range(0..30)).min(bytes.len());
                let twice = bytes[at..end].to_vec();
                bytes.splice(at..at, twice);
            }
            _ => bytes.truncate(at),
        }
    }
}
