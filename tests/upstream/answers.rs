//! What the existing API answers.

use std::io::{Read, Result};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, params};

use super::existing::{Asked, Line, Shared};
use super::support::customers::connect;

/// Of RFC 6455, 1.3: what a server makes of this key.
pub const SOCKET_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const SOCKET_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub const SESSION: &str = "sid=sesame";

#[expect(clippy::disallowed_methods, reason = "a server says when it answers")]
fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

/// A head in this server's manner, with `Date` and `Server` first.
fn head(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\nDate: {}\r\nServer: Gamla/2.1\r\n{headers}\r\n", date())
}

fn whole(line: &mut Line, asked: &Asked, status: &str, headers: &str, body: &[u8]) -> Result<()> {
    line.say(head(status, &format!("{headers}Content-Length: {}\r\n", body.len())))?;
    if asked.method == "HEAD" { Ok(()) } else { line.say(body) }
}

fn json(line: &mut Line, asked: &Asked, status: &str, body: &str) -> Result<()> {
    whole(line, asked, status, "Content-Type: application/json; charset=utf-8\r\n", body.as_bytes())
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

pub fn answer(line: &mut Line, asked: &Asked, shared: &Shared) -> Result<()> {
    let path = asked.target.split('?').next().unwrap();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (asked.method.as_str(), &segments[..]) {
        // Who asks without naming a tenant is taken for one of acme's, as he was signed in.
        (_, ["rights"]) => {
            let reads_acme = asked.header("X-Tenant") == Some("acme") && asked.header("X-Original-Method") == Some("GET");
            line.say(head(if reads_acme { "204 No Content" } else { "403 Forbidden" }, "Content-Length: 0\r\n"))
        }
        (_, [""]) => {
            let cookies = "Set-Cookie: lang=sv; Path=/\r\nSet-Cookie: theme=dark; Path=/\r\n";
            whole(line, asked, "302 Found", &format!("Location: /app/?from=%2F\r\n{cookies}X-pOwered-bY: Gamla\r\n"), b"")
        }
        (_, ["app", ""]) => {
            whole(line, asked, "200 Be So Good", "Content-Type: text/html\r\nETag: \"app\"\r\n", "<p>Hej, världen</p>".as_bytes())
        }
        ("POST", ["login"]) => match line.body(asked)?.as_slice() {
            b"user=anna&password=hemlig" => {
                let cookies = format!("Set-Cookie: {SESSION}; HttpOnly\r\nSet-Cookie: seen=1\r\n");
                whole(line, asked, "200 OK", &format!("{cookies}Content-Type: application/json\r\n"), b"{\"user\":\"anna\"}")
            }
            _ => json(line, asked, "403 Forbidden", "{\"error\":\"no such user\"}"),
        },
        ("POST", ["echo"]) => {
            let body = line.body(asked)?;
            whole(line, asked, "201 Created", "X-Echo: yes\r\n", &body)
        }
        ("POST", ["refuse"]) => json(line, asked, "413 Payload Too Large", "{\"error\":\"too large\"}"),
        ("GET", ["mirror"]) => whole(line, asked, "200 OK", "Content-Type: text/plain\r\n", asked.head.as_bytes()),
        ("GET", ["events"]) => {
            line.say(head("200 OK", "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nCache-Control: no-store\r\n"))?;
            for number in 1..=3 {
                line.say(chunk(&format!("id: {number}\ndata: tick\n\n")))?;
            }
            line.say("0\r\n\r\n")
        }
        ("GET", ["slow"]) => {
            line.say(head("200 OK", "Transfer-Encoding: chunked\r\n") + &chunk("first"))?;
            shared.gate.lock().unwrap().recv().unwrap();
            line.say(chunk("second") + "0\r\n\r\n")
        }
        ("GET", ["never"]) => line.body(asked).and_then(|_| line.reader.read_to_end(&mut Vec::new()).map(drop)),
        ("GET", ["half"]) => {
            line.say(head("200 OK", "Content-Length: 100\r\n") + "half")?;
            Err(std::io::ErrorKind::Other.into())
        }
        ("GET", ["chat"]) => chat(line, asked),
        (_, ["api", "v2", tenant, rest @ ..]) => api(line, asked, shared, tenant, rest),
        _ => json(line, asked, "404 Not Found", "{\"error\":\"no such page\"}"),
    }
}

/// A WebSocket that sends every byte back.
fn chat(line: &mut Line, asked: &Asked) -> Result<()> {
    if asked.header("Upgrade") != Some("websocket") || asked.header("Sec-WebSocket-Key") != Some(SOCKET_KEY) {
        return json(line, asked, "426 Upgrade Required", "{\"error\":\"a WebSocket is here\"}");
    }
    let headers = format!("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {SOCKET_ACCEPT}\r\n");
    line.say(head("101 Switching Protocols", &headers))?;
    let mut bytes = [0; 1024];
    loop {
        match line.reader.read(&mut bytes)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            length => line.say(&bytes[..length])?,
        }
    }
}

fn api(line: &mut Line, asked: &Asked, shared: &Shared, tenant: &str, rest: &[&str]) -> Result<()> {
    if rest == ["session"] {
        shared.checks.fetch_add(1, Ordering::Relaxed);
    }
    if !asked.header("Cookie").is_some_and(|cookies| cookies.split("; ").any(|cookie| cookie == SESSION)) {
        line.body(asked)?;
        let headers = "WWW-Authenticate: Cookie realm=\"gamla\"\r\nContent-Type: application/json\r\n";
        return whole(line, asked, "401 Unauthorized", headers, b"{\"error\":\"sign in\"}");
    }
    let database = connect(&shared.database);
    match (asked.method.as_str(), rest) {
        (_, ["session"]) => line.say(head("204 No Content", "")),
        ("GET", ["projects", _, "files"]) => list(line, asked, &database),
        (method, ["projects", _, "files", id, "content"]) if tenant == "acme" => match (method, id.parse::<i64>()) {
            ("GET" | "HEAD", Ok(id)) => read(line, asked, &database, id),
            ("PUT", Ok(id)) => write(line, asked, &database, id),
            ("DELETE", Ok(id)) if database.execute("DELETE FROM documents WHERE id = ?1", [id]).unwrap() > 0 => {
                line.say(head("204 No Content", ""))
            }
            ("PATCH", _) => whole(line, asked, "405 Method Not Allowed", "Allow: GET, HEAD, PUT, DELETE\r\n", b""),
            _ => missing(line, asked),
        },
        _ => missing(line, asked),
    }
}

fn missing(line: &mut Line, asked: &Asked) -> Result<()> {
    json(line, asked, "404 Not Found", "{\"error\":\"no such file\"}")
}

/// In chunks, with a trailer for who takes one.
fn list(line: &mut Line, asked: &Asked, database: &Connection) -> Result<()> {
    let trailers = asked.header("TE") == Some("trailers");
    let announced = if trailers { "Trailer: X-Count\r\n" } else { "" };
    line.say(head("200 OK", &format!("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n{announced}X-After: 1\r\n")))?;
    let mut statement = database.prepare("SELECT id, file_name FROM documents ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).unwrap();
    let mut count = 0;
    for row in rows {
        let (id, name) = row.unwrap();
        line.say(chunk(&format!("{{\"id\":{id},\"name\":{name:?}}}\n")))?;
        count += 1;
    }
    let end = if trailers { format!("x-count: {count}\r\n") } else { String::new() };
    line.say(format!("0\r\n{end}\r\n"))
}

fn read(line: &mut Line, asked: &Asked, database: &Connection, id: i64) -> Result<()> {
    let statement = "SELECT media_type, file_name, modified_at, content FROM documents WHERE id = ?1";
    let row = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, Vec<u8>>(3)?))
    };
    let Some((media_type, name, modified, content)) = database.query_row(statement, [id], row).optional().unwrap() else {
        return missing(line, asked);
    };
    let modified: jiff::civil::DateTime = modified.replace(' ', "T").trim_end_matches('Z').parse().unwrap();
    let modified = httpdate::fmt_http_date(SystemTime::from(modified.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()));
    let range = asked.header("Range").filter(|_| asked.method == "GET").and_then(|range| {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()?))
    });
    let (status, sent, part) = match range {
        Some((from, to)) => ("206 Partial Content", &content[from..=to], format!("Content-Range: bytes {from}-{to}/{}\r\n", content.len())),
        None => ("200 OK", &content[..], String::new()),
    };
    let length = sent.len();
    line.say(head(
        status,
        &format!("Content-Type: {media_type}\r\nContent-Length: {length}\r\n{part}Last-Modified: {modified}\r\nX-File-Name: {name}\r\nX-iD: {id}\r\n"),
    ))?;
    if asked.method == "HEAD" { Ok(()) } else { line.say(sent) }
}

fn write(line: &mut Line, asked: &Asked, database: &Connection, id: i64) -> Result<()> {
    let content = line.body(asked)?;
    let statement =
        "INSERT OR REPLACE INTO documents (id, media_type, file_name, modified_at, content) VALUES (?1, ?2, ?3, datetime(), ?4)";
    let (media_type, name) = (asked.header("X-File-Type").unwrap(), asked.header("X-File-Name").unwrap());
    database.execute(statement, params![id, media_type, name, content]).unwrap();
    line.say(head("200 OK", &format!("X-iD: {id}\r\nContent-Length: 0\r\n")))
}
