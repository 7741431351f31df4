//! `sluss.toml`: the process's own settings. Every key is named here and explained in `gateway-config/sluss.toml`.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use toml::de::DeValue;

use super::routes;
use super::section::Section;
use super::value::{self, GIB, KIB, MIB, Parsed, TIB};
use super::{
    AgentConfig, Auth, ControlConfig, Limits, Listeners, Rights, RouteConfig, ShadowConfig, TenantScope, TokenConfig, UpstreamConfig,
};
use super::{listeners, sql_server, upstream};
use crate::model::content::{ContentHash, MAX_CONTENT_BYTES};
use crate::model::id::TenantId;
use crate::model::job::Backoff;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What `sluss.toml` says.
pub(super) struct Gateway {
    pub(super) listeners: Listeners,
    pub(super) auth: Auth,
    pub(super) control: ControlConfig,
    pub(super) limits: Limits,
    pub(super) agents: AgentConfig,
    pub(super) shadow: ShadowConfig,
    pub(super) upstream: Option<UpstreamConfig>,
    pub(super) routes: Vec<RouteConfig>,
    pub(super) own_api: bool,
}

/// `None` only beside a problem. `tenants` are those that have a file.
pub(super) fn read(section: &mut Section<'_>, tenants: &BTreeSet<TenantId>) -> Option<Gateway> {
    let mode = section.required("auth", "say \"none\" or \"tokens\"", value::parsed::<AuthMode>);
    let tokens = read_tokens(section, mode, tenants);
    let listeners = section.section("listeners", |section| listeners::read(section, mode));
    let control = section.section("control", read_control);
    let limits = section.section("limits", read_limits);
    let agents = section.section("agents", read_agents);
    let shadow = section.section("shadow", read_shadow);
    let own_api = section.flag("own_api", true);
    let upstream = upstream::read(section);
    if upstream.as_ref().is_some_and(|upstream| upstream.authority.as_str() == listeners.documents.to_string()) {
        section.refuse("upstream", "url is the address of the documents: the gateway would pass requests to itself");
    }
    if upstream.is_some() && mode == Some(AuthMode::None) && own_api && !section.holds("own_api") {
        let open = "has to be said beside [upstream]: with auth = \"none\" the built-in API lets everybody at every document";
        section.refuse("own_api", open);
    }
    let routes = routes::read(section, upstream.as_ref(), mode == Some(AuthMode::Tokens));
    let auth = match mode? {
        AuthMode::None => Auth::None,
        AuthMode::Tokens => Auth::Tokens(tokens),
    };
    Some(Gateway { listeners, auth, control: control?, limits, agents, shadow, upstream, routes, own_api })
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthMode {
    None,
    Tokens,
}

impl std::str::FromStr for AuthMode {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "tokens" => Ok(Self::Tokens),
            _ => Err(format!("{} is not known: say \"none\" or \"tokens\"", value::shown(text))),
        }
    }
}

fn read_tokens(section: &mut Section<'_>, mode: Option<AuthMode>, tenants: &BTreeSet<TenantId>) -> Vec<TokenConfig> {
    let (mut names, mut hashes) = (HashSet::new(), HashSet::new());
    let tokens = section.each_of_list("tokens", |section| {
        let token = read_token(section, tenants);
        if token.as_ref().is_some_and(|token| !names.insert(token.name.clone())) {
            section.refuse("name", "another token has this name");
        }
        if token.as_ref().is_some_and(|token| !hashes.insert(token.sha256)) {
            section.refuse("sha256", "another token has this hash: give each holder a token of its own");
        }
        token
    });
    match mode {
        Some(AuthMode::Tokens) if tokens.is_empty() && !section.is_refused("tokens") => {
            section.miss("tokens", "with auth = \"tokens\" nobody gets in without one");
        }
        Some(AuthMode::None) if !tokens.is_empty() => {
            section.refuse("tokens", "are not asked for while auth = \"none\": say auth = \"tokens\", or remove them");
        }
        Some(AuthMode::None | AuthMode::Tokens) | None => {}
    }
    tokens.into_iter().flatten().collect()
}

fn read_token(section: &mut Section<'_>, tenants: &BTreeSet<TenantId>) -> Option<TokenConfig> {
    let name = section.required("name", "say whose token it is", token_name);
    let sha256 = section.required("sha256", "give the token's SHA-256 in hex, never the token", token_hash);
    let scope = section.required("tenants", "list tenants, or [\"*\"] for all", |value| token_tenants(value, tenants));
    let rights = section.required("rights", "list some of \"read\", \"write\" and \"admin\"", token_rights);
    Some(TokenConfig { name: name?, sha256: sha256?, tenants: scope?, rights: rights? })
}

/// The name is not repeated when it is refused: somebody may have put the token itself here.
fn token_name(value: &DeValue<'_>) -> Parsed<String> {
    let name = value::text(value)?;
    let sane = (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(&b));
    if sane { Ok(name.to_owned()) } else { Err("is not a name: use 1 to 63 of a-z, A-Z, 0-9, '.', '_', '@' and '-'".to_owned()) }
}

/// What was written is not repeated: somebody may have put the token itself here.
fn token_hash(value: &DeValue<'_>) -> Parsed<ContentHash> {
    value::parsed(value)
}

fn texts<'a>(value: &'a DeValue<'_>) -> Parsed<Vec<&'a str>> {
    let items = value.as_array().ok_or_else(|| format!("needs a list of strings, found {}", value.type_str()))?;
    let texts = items.iter().map(|item| value::text(item.get_ref())).collect::<Parsed<Vec<_>>>()?;
    if texts.is_empty() { Err("is empty".to_owned()) } else { Ok(texts) }
}

fn token_tenants(value: &DeValue<'_>, tenants: &BTreeSet<TenantId>) -> Parsed<TenantScope> {
    let listed = texts(value)?;
    if listed == ["*"] {
        return Ok(TenantScope::All);
    }
    let known = |name: &str| tenants.iter().find(|tenant| tenant.as_str() == name).cloned();
    let only = listed.into_iter().map(|name| known(name).ok_or_else(|| unknown_tenant(name, tenants)));
    only.collect::<Parsed<Vec<_>>>().map(TenantScope::Only)
}

fn unknown_tenant(name: &str, tenants: &BTreeSet<TenantId>) -> String {
    let shown = value::shown(name);
    match value::nearest(name, tenants.iter().map(TenantId::as_str)) {
        _ if name == "*" => "\"*\" means all tenants and stands alone".to_owned(),
        Some(nearest) => format!("{shown} has no tenant file, did you mean {nearest:?}?"),
        None => format!("{shown} has no tenant file"),
    }
}

fn token_rights(value: &DeValue<'_>) -> Parsed<Rights> {
    let mut rights = Rights::default();
    for right in texts(value)? {
        match right {
            "read" => rights.read = true,
            "write" => rights.write = true,
            "admin" => rights.admin = true,
            _ => return Err(format!("{} is not a right: use \"read\", \"write\" and \"admin\"", value::shown(right))),
        }
    }
    Ok(rights)
}

fn read_control(section: &mut Section<'_>) -> Option<ControlConfig> {
    if sql_server::is_meant(section) {
        return sql_server::read(section).map(ControlConfig::SqlServer);
    }
    let file = section.file();
    let hint = "write \"sqlite:\" and a path, or name a server beside it";
    let path = section.required("database", hint, |value| value::sqlite_path(file, value));
    sql_server::refuse_keys(section);
    Some(ControlConfig::Sqlite { path: path? })
}

fn read_limits(section: &mut Section<'_>) -> Limits {
    // Below this, large transfers would have too few pieces left beside the share for small ones.
    let buffer_bytes = section.bytes("buffer_bytes", 64 * MIB, 16 * MIB..=TIB);
    Limits {
        buffer_bytes,
        cache_bytes: read_cache_bytes(section, buffer_bytes),
        max_document_bytes: section.bytes("max_document_bytes", MAX_CONTENT_BYTES, 1..=MAX_CONTENT_BYTES),
        connections: section.count("connections", 10_000, 1..=1_000_000),
        concurrent_requests: section.count("concurrent_requests", 512, 1..=100_000),
        concurrent_requests_per_tenant: section.count_or_none("concurrent_requests_per_tenant", 1..=100_000),
        concurrent_requests_per_token: section.count_or_none("concurrent_requests_per_token", 1..=100_000),
        requests_per_second_per_tenant: section.count_or_none("requests_per_second_per_tenant", 1..=1_000_000),
        requests_per_second_per_token: section.count_or_none("requests_per_second_per_token", 1..=1_000_000),
        rate_burst: section.duration("rate_burst", 2 * SECOND, 10 * MS..=HOUR),
        // Below this, not even a token and what browsers send fit in.
        max_head_bytes: section.bytes("max_head_bytes", 16 * KIB, 4 * KIB..=256 * KIB),
        max_headers: section.count("max_headers", 100, 8..=1000),
        header_timeout: section.duration("header_timeout", 10 * SECOND, 10 * MS..=HOUR),
        idle_timeout: section.duration("idle_timeout", MINUTE, 10 * MS..=DAY),
        store_timeout: section.duration("store_timeout", 10 * SECOND, 10 * MS..=HOUR),
        queue_timeout: section.duration("queue_timeout", 10 * SECOND, Duration::ZERO..=HOUR),
        min_rate: section.bytes("min_rate", 16 * KIB, 1..=GIB),
        rate_window: section.duration("rate_window", 30 * SECOND, SECOND..=HOUR),
        drain_timeout: section.duration("drain_timeout", 30 * SECOND, Duration::ZERO..=HOUR),
        sql_connections: section.count("sql_connections", 200, 2..=100_000),
    }
}

/// With more of the buffer for the cache, an upload's part could find no room beside it.
fn read_cache_bytes(section: &mut Section<'_>, buffer_bytes: u64) -> u64 {
    let most = buffer_bytes / 4;
    let cache_bytes = section.bytes("cache_bytes", most, 0..=TIB);
    if cache_bytes > most {
        let [cache, buffer] = [cache_bytes, buffer_bytes].map(|bytes| value::byte_size_text(&bytes));
        section.refuse("cache_bytes", format!("{cache} is more than a quarter of limits.buffer_bytes = {buffer}"));
    }
    cache_bytes
}

fn read_agents(section: &mut Section<'_>) -> AgentConfig {
    let agents = AgentConfig {
        in_serve: section.flag("in_serve", true),
        concurrency: section.count("concurrency", 4, 1..=1024),
        bytes_per_second: section.bytes_or_none("bytes_per_second", 1..=TIB),
        lease: section.duration("lease", MINUTE, SECOND..=DAY),
        poll_min: section.duration("poll_min", 200 * MS, 10 * MS..=HOUR),
        poll_max: section.duration("poll_max", 30 * SECOND, 10 * MS..=HOUR),
        backoff: Backoff {
            base: section.duration("retry_base", SECOND, MS..=DAY),
            cap: section.duration("retry_cap", 5 * MINUTE, MS..=DAY),
            budget: section.count("retry_budget", 12, 1..=1000),
        },
        abandoned_after: section.duration("abandoned_after", DAY, SECOND..=365 * DAY),
        sweep_every: section.duration("sweep_every", DAY, SECOND..=365 * DAY),
        changes_every: section.duration("changes_every", MINUTE, SECOND..=365 * DAY),
        backlog_limit: section.count("backlog_limit", 10_000, 1..=1_000_000_000),
        verify_every: section.duration("verify_every", 30 * DAY, SECOND..=3650 * DAY),
        verify_bytes_per_second: section.bytes("verify_bytes_per_second", 8 * MIB, 1..=TIB),
    };
    section.ordered(("poll_min", agents.poll_min), ("poll_max", agents.poll_max));
    section.ordered(("retry_base", agents.backoff.base), ("retry_cap", agents.backoff.cap));
    agents
}

fn read_shadow(section: &mut Section<'_>) -> ShadowConfig {
    ShadowConfig {
        share: section.optional("share", share).unwrap_or(0.01),
        concurrency: section.count("concurrency", 2, 1..=1024),
        deadline: section.duration("deadline", 30 * SECOND, 10 * MS..=HOUR),
        // A lane of it is for small content; the other one has to hold what a large comparison does.
        buffer_bytes: section.bytes("buffer_bytes", 8 * MIB, 4 * MIB..=TIB),
    }
}

fn share(value: &DeValue<'_>) -> Parsed<f64> {
    let number = value
        .as_float()
        .map(|number| number.as_str().replace('_', ""))
        .or_else(|| value.as_integer().map(|number| number.as_str().to_owned()));
    let share = number.and_then(|number| number.parse::<f64>().ok()).filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "is not a share: write a number from 0.0 to 1.0".to_owned())
}
