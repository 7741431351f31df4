// A stand-in for the admin listener with made-up tenants. For working on the console only:
//   TENANTS=500 TRANSFERS=1000 node dev/mock.mjs    and then http://127.0.0.1:8181/console/, token "operator"
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

const PORT = Number(process.env.PORT ?? 8181);
const N = Number(process.env.TENANTS ?? 42);
const M = Number(process.env.TRANSFERS ?? 160);
const AUTH = process.env.AUTH ?? "tokens";
const DIST = new URL("../dist/", import.meta.url).pathname;
const PHASES = ["sql", "shadow", "dual", "object", "sealed"];
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let seed = 7;
const random = () => ((seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff);
const pick = (list) => list[Math.floor(random() * list.length)];
const iso = (ms = Date.now()) => new Date(ms).toISOString();

const WORDS = ["acme", "globex", "nordhem", "bergslagen", "kanalen", "trollhattan", "motala", "vattenfors", "initech", "umbra", "lindholmen", "skeppsbron", "falun", "gruvan", "arkivet", "sjofart"];
const tenants = new Map();
for (let i = 0; i < N; i += 1) {
  const name = i < WORDS.length ? WORDS[i] : `${WORDS[i % WORDS.length]}-${String(Math.floor(i / WORDS.length)).padStart(2, "0")}`;
  const phase = i === 0 ? "dual" : pick(["sql", "sql", "shadow", "shadow", "shadow", "dual", "dual", "object", "object", "sealed"]);
  const documents = Math.floor(2000 + random() ** 3 * 4_000_000);
  const size = 20_000 + random() * 400_000;
  const share = phase === "sql" ? [1, 0, 0] : phase === "shadow" ? [random(), 0, 0] : phase === "dual" ? [random() * 0.03, 0, 0] : phase === "object" ? [0, 0, 0.1 + random() * 0.3] : [0, 0, 0.5 + random() * 0.5];
  const sql = Math.floor(documents * share[0]);
  const object = Math.floor(documents * share[2]);
  const held = (n) => ({ documents: n, bytes: Math.floor(n * size) });
  const t = {
    tenant: name, phase, held_by: { sql: held(sql), both: held(documents - sql - object), object: held(object) }, counted_at: iso(Date.now() - random() * 4e6),
    backlog: phase === "shadow" ? sql : 0, quarantined: 0, oldest_job_seconds: 0, differences: 0, writes_around: 0, paused: false, read_only: false, open_breaker: false,
    remaining_documents: phase === "sql" ? object : phase === "sealed" ? documents - object : sql, remaining_bytes: 0, documents_per_second: 0, bytes_per_second: 0, problems: [], refreshed_at: iso(), size,
  };
  if (i === 0) { t.held_by.sql = held(1); t.held_by.both = held(412_383 - 1); t.backlog = 1; t.remaining_documents = 1; t.quarantined = 3; }
  if (i === 3 || (i > 16 && random() < 0.02)) { t.quarantined = 12; }
  if (i === 5) { t.differences = 2; t.writes_around = 1; }
  if (i === 7) { t.paused = true; }
  if (i === 9) { t.read_only = true; }
  if (i === 11) { delete t.phase; t.held_by = {}; t.remaining_documents = 0; t.backlog = 0; t.database = "sql vattenfors: the connection was refused (os error 111)"; }
  if (i === 12) { t.open_breaker = true; }
  tenants.set(name, t);
}
for (const t of tenants.values()) { judge(t); }

function judge(t) {
  const p = [];
  if (t.database) { p.push({ kind: "database", text: t.database }); }
  if (t.quarantined) { p.push({ kind: "quarantined", text: `${t.quarantined} jobs failed for the last time` }); }
  if (t.differences) { p.push({ kind: "difference", text: `${t.differences} differences are open` }); }
  if (t.writes_around) { p.push({ kind: "write_around", text: `${t.writes_around} documents were written straight to SQL over an object that was the only holder` }); }
  if (t.open_breaker) { p.push({ kind: "breaker_open", text: "the object store ceph-stockholm is taken for out" }); }
  if (t.paused) { p.push({ kind: "paused", text: "the agents rest for this tenant" }); }
  if (t.read_only) { p.push({ kind: "read_only", text: "clients' changes are refused" }); }
  t.problems = p;
}

function tick() {
  const changed = [];
  for (const t of tenants.values()) {
    if (!t.phase) { continue; }
    const moves = ["shadow", "dual"].includes(t.phase) && t.held_by.sql.documents > 0 && !t.paused && !t.open_breaker && !allPaused;
    if (moves) {
      const n = Math.min(t.held_by.sql.documents, Math.floor(20 + random() * 160));
      const b = Math.floor(n * t.size);
      t.held_by.sql.documents -= n; t.held_by.both.documents += n; t.held_by.sql.bytes = Math.max(0, t.held_by.sql.bytes - b); t.held_by.both.bytes += b;
      t.backlog = t.held_by.sql.documents; t.remaining_documents = t.backlog; t.remaining_bytes = t.held_by.sql.bytes;
      t.documents_per_second = t.documents_per_second * 0.9 + n * 0.1; t.bytes_per_second = t.documents_per_second * t.size;
      t.eta_seconds = t.remaining_documents / Math.max(t.documents_per_second, 0.1); t.oldest_job_seconds = (t.oldest_job_seconds ?? 0) + 1;
    } else if (t.documents_per_second > 0) { t.documents_per_second = 0; t.bytes_per_second = 0; delete t.eta_seconds; } else { continue; }
    t.refreshed_at = iso();
    changed.push(t);
  }
  return changed;
}
const clean = ({ size, database, ...t }) => t;
let allPaused = false;
const stores = () => [
  ...[...tenants.values()].map((t) => ({ store: `sql-${t.tenant}`, kind: "sql", tenants: [t.tenant], tenant_count: 1, state: t.phase ? "ok" : "out", ...(t.phase ? { p95_seconds: 0.004 } : { text: t.database }), in_flight: 0 })),
  { store: "ceph-goteborg", kind: "object", tenants: [...tenants.keys()].slice(0, 5), tenant_count: Math.floor(N * 0.7), state: "ok", in_flight: 84, p95_seconds: 0.042 },
  { store: "ceph-stockholm", kind: "object", tenants: ["falun"], tenant_count: 1, state: "out", text: "connect to ceph-stockholm: timed out after 2 s", in_flight: 0 },
  { store: "minio-test", kind: "object", tenants: ["gruvan"], tenant_count: 1, state: "slow", in_flight: 12, p95_seconds: 1.9 },
];
function totals() {
  const sum = { documents: 0, bytes: 0, held_by: { sql: { documents: 0, bytes: 0 }, both: { documents: 0, bytes: 0 }, object: { documents: 0, bytes: 0 } }, backlog: 0, quarantined: 0, problems: 0 };
  for (const t of tenants.values()) {
    for (const h of ["sql", "both", "object"]) { const held = t.held_by[h]; if (held) { sum.held_by[h].documents += held.documents; sum.held_by[h].bytes += held.bytes; sum.documents += held.documents; sum.bytes += held.bytes; } }
    sum.backlog += t.backlog; sum.quarantined += t.quarantined; sum.problems += t.problems.filter((p) => !["paused", "read_only"].includes(p.kind)).length;
  }
  return sum;
}
const fleet = () => ({ at: iso(), all_paused: allPaused, tenants: [...tenants.values()].map(clean), stores: stores(), totals: totals() });

const transfers = new Map();
let lastId = 0;
function begin() {
  const t = pick([...tenants.values()]);
  const direction = pick(["copy", "copy", "copy", "download", "download", "upload", "verify", "write_back"]);
  const [source, target] = { copy: ["sql", "object"], download: [pick(["object", "sql", "cache"]), "client"], upload: ["client", "sql"], verify: ["object", "sql"], write_back: ["object", "sql"] }[direction];
  const id = ++lastId;
  const total = Math.floor(1e5 + random() ** 4 * 2e9);
  const it = { id, tenant: t.tenant, collection: "documents", document: `2024-${String(Math.floor(random() * 12) + 1).padStart(2, "0")}/${Math.floor(random() * 1e9)}.pdf`, direction, source, target, bytes_done: 0, ...(random() < 0.05 ? {} : { bytes_total: total }), bytes_per_second: 2e5 + random() * 3e7, attempt: direction === "copy" && random() < 0.1 ? 3 : 1, started_at: iso() };
  it.total = total;
  transfers.set(id, it);
  return it;
}
const bare = ({ total, ...t }) => t;
while (transfers.size < M) { const t = begin(); t.bytes_done = Math.floor(random() * t.total); t.started_at = iso(Date.now() - random() * 90_000); }

const streams = new Set();
const send = (event, data) => { const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`; for (const s of streams) { s.write(text); } };
setInterval(() => { const changed = tick(); send("fleet", { at: iso(), all_paused: allPaused, tenants: changed.map(clean), removed: [], totals: totals() }); }, 1000);
setInterval(() => {
  const started = [], moved = [], ended = [];
  for (const t of transfers.values()) {
    t.bytes_per_second = Math.floor(t.bytes_per_second * (0.9 + random() * 0.2));
    t.bytes_done = Math.min(t.total, Math.floor(t.bytes_done + t.bytes_per_second / 2));
    if (t.bytes_done >= t.total) { ended.push([t.id, random() < 0.01 ? "failed" : "done"]); transfers.delete(t.id); } else { moved.push([t.id, t.bytes_done, t.bytes_per_second]); }
  }
  while (transfers.size < M) { started.push(bare(begin())); }
  send("transfers", { started, moved, ended });
}, 500);
setInterval(() => { for (const s of streams) { s.write(": still here\n\n"); } }, 15_000);

const audit = Array.from({ length: 60 }, (_, i) => ({ number: 60 - i, at: iso(Date.now() - i * 3_600_000), actor: i % 7 === 3 ? "system" : pick(["operator", "anna", "johan"]), on_behalf_of: i % 5 === 0 ? "CHG-20418" : null, action: pick(["phase.flip", "sweep", "verify", "jobs.retry", "limits", "pause", "resume"]), tenant: i % 9 === 0 ? null : "acme", detail: pick(["shadow to dual", "3 jobs", "before: documents/s none, bytes/s none, concurrency none, at work; after: documents/s 200, bytes/s none, concurrency 8, at work", "with repair"]), hash: "0".repeat(64) }));
const note = (who, action, tenant, detail) => audit.unshift({ number: audit[0].number + 1, at: iso(), actor: who.name, on_behalf_of: null, action, tenant, detail, hash: "0".repeat(64) });
const limits = { all: { documents_per_second: null, bytes_per_second: null, concurrency: null, paused: false }, tenants: { acme: { documents_per_second: 200, bytes_per_second: null, concurrency: 8, paused: false } } };
const limitsOf = (name) => (limits.tenants[name] ??= { documents_per_second: null, bytes_per_second: null, concurrency: null, paused: false });
const jobs = [...tenants.values()].flatMap((t) => Array.from({ length: t.quarantined }, (_, i) => ({ id: `${t.tenant}:${i + 1}`, kind: i % 3 === 2 ? "write_back" : "copy", target: `${t.tenant}/documents/${100 + i}.pdf`, state: "quarantined", priority: "sweep", failures: 8, reason: i % 3 === 2 ? "write back: the row's content column takes 1 MiB at most" : "put acme/3f/9c1e in ceph-goteborg: denied: AccessDenied (403)", created_at: iso(Date.now() - 7.2e6 - i * 6e4), due_at: iso() })));
let verification = { number: 4, done: 0, expected: 412_383, until: 0, repair: false };
const verifyRun = (ended, number, documents) => ({ collection: "documents", number, repair: false, background: false, started_at: iso(Date.now() - 6e5), ...(ended ? { ended_at: iso(Date.now() - 3e5) } : {}), epoch: 1, revision: 991, documents, bytes: documents * 1e5, verified: documents - 2, unlocated: 0, moved: 0, different: 2, failed: 0, objects: documents });
let purges = [];
const guards = (from, to) => {
  const [a, b] = [PHASES.indexOf(from), PHASES.indexOf(to)];
  if (b <= a) { return []; }
  const g = [{ guard: "one_step", passed: b === a + 1, detail: b === a + 1 ? `${to} follows ${from}` : `forward steps are one at a time: ${from} goes to ${PHASES[a + 1]} first` }, { guard: "store_probe", passed: true, detail: "2 placements passed 14 checks each, 3 min ago" }];
  if (b >= 3) { g.push({ guard: "sample_comparison", passed: true, detail: "64 sampled documents are equal in both stores" }); }
  if (b >= 4) { g.push({ guard: "verification", passed: false, detail: "a collection was never verified as a whole: `sluss verify`; 3 jobs are quarantined" }); }
  return g;
};
const difference = (tenant, number, kind, extra) => ({ tenant, number, kind, collection: "documents", document: `2023-04/${number}77.pdf`, object: `acme/documents/3f/${number}9c1e`, sole: false, found_by: "verify", found_at: iso(Date.now() - 5e5), remedy: "open", sides: { location: { revision: 88, length_bytes: 120_411, sha256: "9f".repeat(32), media_type: "application/pdf" }, sql: { length_bytes: 120_411, sha256: "9f".repeat(32) }, object: { length_bytes: 120_411, sha256: "1c".repeat(32), first_differing_piece: 0 } }, ...extra });

function series(minutes) {
  const n = minutes * 6;
  const now = Math.floor(Date.now() / 10_000) * 10_000;
  const at = (f) => Array.from({ length: n }, (_, i) => f((now / 10_000 - n + i) / 30));
  const wave = (base, amp) => (x) => Math.max(0, Math.round(base + amp * Math.sin(x) + amp * 0.4 * Math.sin(x * 7.3)));
  const lat = (base) => (x) => base * (1 + 0.4 * Math.sin(x * 3) + 0.2 * Math.sin(x * 13));
  return { process: "gw-1-8f3a", step_seconds: 10, from: iso(now - n * 10_000), requests: { sql: at(wave(120, 60)), object: at(wave(900, 200)), cache: at(wave(300, 90)) },
    p50_seconds: { sql: at(lat(0.004)), object: at(lat(0.018)), cache: at(lat(0.0004)) }, p95_seconds: { sql: at(lat(0.012)), object: at((x) => (Math.sin(x) > 0.98 ? null : lat(0.06)(x))), cache: at(lat(0.001)) },
    writes: at(wave(40, 20)), errors: at((x) => (Math.sin(x * 2.2) > 0.97 ? 2 : 0)), fallbacks: at((x) => (Math.sin(x * 1.7) > 0.95 ? 6 : 0)), mismatches: at(() => 0), copied_documents: at(wave(700, 300)), copied_bytes: at(wave(7e7, 3e7)) };
}

const WHO = { operator: { name: "operator", tenants: ["*"] }, "of-acme": { name: "support", tenants: ["acme", "globex"] }, reader: { name: "app", tenants: ["*"], no: true } };
const revoked = new Set();
const problem = (res, status, title, detail) => { res.writeHead(status, { "Content-Type": "application/problem+json" }); res.end(JSON.stringify({ type: `urn:sluss:problem:${title}`, title, status, detail, request_id: "0190b1" })); };
const json = (res, value, status = 200) => { res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" }); res.end(JSON.stringify(value)); };

createServer(async (req, res) => {
  const url = new URL(req.url, "http://x");
  if (url.pathname === "/") { res.writeHead(302, { Location: "/console/" }); return res.end(); }
  if (url.pathname.startsWith("/console/")) {
    const file = join(DIST, normalize(url.pathname.slice(9)) || "index.html");
    const path = url.pathname === "/console/" ? join(DIST, "index.html") : file;
    if (!path.startsWith(DIST) || !existsSync(path)) { return problem(res, 404, "no-such-path", "there is nothing at this path"); }
    const type = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css", svg: "image/svg+xml" }[path.split(".").pop()];
    res.writeHead(200, { "Content-Type": type, "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff" });
    return createReadStream(path).pipe(res);
  }
  const token = req.headers.authorization?.replace(/^Bearer /, "");
  const who = AUTH === "none" ? WHO.operator : revoked.has(token) ? undefined : WHO[token];
  if (url.pathname === "/mock/revoke") { revoked.add(url.searchParams.get("token")); for (const s of streams) { s.end(); } streams.clear(); return json(res, {}); }
  if (!who) { return problem(res, 401, "unauthorized", "send a known token as `Authorization: Bearer <token>`"); }
  if (who.no) { return problem(res, 403, "forbidden", "this token does not have the right `admin`"); }
  const all = who.tenants.includes("*");
  const sees = (t) => all || who.tenants.includes(t.tenant);
  let body = "";
  for await (const part of req) { body += part; }
  const wish = body ? JSON.parse(body) : {};
  const path = decodeURIComponent(url.pathname.replace("/admin/v1/", ""));
  const q = Object.fromEntries(url.searchParams);
  const of = path.match(/^tenants\/([^/]+)(?:\/(.+))?$/);
  if (of) {
    const t = tenants.get(of[1]);
    if (!t) { return problem(res, 404, "no-such-tenant", `there is no tenant "${of[1]}"`); }
    if (!sees(t)) { return problem(res, 403, "forbidden", "this token has no access to this tenant"); }
    if (t.database && of[2] !== "series") { return of[2] ? problem(res, 503, "store-unavailable", `not now: ${t.database}`) : json(res, { tenant: t.tenant, held_by: {}, jobs: [], backlog: 0, quarantined: 0, only_in_object_store: 0, open_uploads: 0, verification: { under_way: false, open_differences: 0 }, read_only: false, limits: limitsOf(t.tenant), all_paused: allPaused, problem: t.database }); }
    switch (of[2]) {
      case undefined: return json(res, { tenant: t.tenant, phase: t.phase, held_by: t.held_by, counted_at: t.counted_at, jobs: [{ kind: "copy", state: "ready", jobs: t.backlog, oldest: iso(Date.now() - 6e4) }, { kind: "copy", state: "quarantined", jobs: t.quarantined, oldest: iso(Date.now() - 7e6) }, { kind: "sweep", state: "leased", jobs: 1, oldest: iso() }].filter((j) => j.jobs), backlog: t.backlog, quarantined: t.quarantined, only_in_object_store: t.held_by.object.documents, open_uploads: 2, verification: { under_way: Date.now() < verification.until, last_complete: iso(Date.now() - 9e5), open_differences: t.differences }, read_only: t.read_only, limits: { ...limitsOf(t.tenant), paused: t.paused }, all_paused: allPaused });
      case "series": return json(res, series(Number(q.minutes ?? 60)));
      case "phase": {
        await new Promise((r) => setTimeout(r, 400));
        const g = guards(t.phase, wish.to);
        const blocked = g.some((x) => !x.passed);
        const report = { tenant: t.tenant, from: t.phase, to: wish.to, guards: g, outcome: t.phase === wish.to ? "already_there" : blocked ? "blocked" : wish.dry_run ? "would_flip" : "flipped" };
        if (report.outcome === "flipped") { const from = t.phase; t.phase = wish.to; note(who, "phase.flip", t.tenant, `${from} to ${wish.to}`); send("phase", { tenant: t.tenant, from, to: wish.to, at: iso(), by: who.name }); send("fleet", { at: iso(), all_paused: allPaused, tenants: [clean(t)], removed: [], totals: totals() }); }
        return json(res, report, blocked ? 409 : 200);
      }
      case "sweep": note(who, "sweep", t.tenant, "1 jobs"); return json(res, { jobs: 1 }, 202);
      case "verify": verification = { ...verification, number: verification.number + 1, until: Date.now() + 60_000, begun: Date.now(), repair: wish.repair }; note(who, "verify", t.tenant, wish.repair ? "with repair" : "without repair"); return json(res, { tenant: t.tenant, number: verification.number, repair: wish.repair }, 202);
      case "verification": { const on = Date.now() < verification.until; const done = on ? Math.floor(((Date.now() - verification.begun) / 60_000) * verification.expected) : 0; return json(res, { tenant: t.tenant, runs: [verifyRun(true, verification.number - (on ? 1 : 0), 412_383), ...(on ? [verifyRun(false, verification.number, done)] : [])], ...(on ? { progress: { ...verifyRun(false, verification.number, done), documents_expected: verification.expected, documents_per_second: 6873, bytes_per_second: 6.8e8, seconds_left: Math.ceil((verification.until - Date.now()) / 1000) } } : {}), open_differences: t.differences }); }
      case "purge":
        if (req.method === "GET") { return json(res, { tenant: t.tenant, runs: purges }); }
        { const blockers = []; if (t.phase !== "sealed") { blockers.push(`the tenant is in ${t.phase}, and content leaves sql in sealed only: flip it there first`); } if (!wish.dry_run && !purges.length) { blockers.push("no dry run of documents came to the end since the tenant was sealed: run one first"); }
          if (!blockers.length) { purges = [{ collection: "documents", dry_run: wish.dry_run, started_at: iso(), ended_at: iso(), documents: 120_000, bytes: 3.1e10, unverified: 12, too_young: 4011, moved: 0 }]; }
          return json(res, { tenant: t.tenant, dry_run: wish.dry_run, outcome: blockers.length ? "blocked" : "begun", blockers }, blockers.length ? 409 : 202); }
      case "pause": case "resume": t.paused = of[2] === "pause"; judge(t); note(who, of[2], t.tenant, ""); send("fleet", { at: iso(), all_paused: allPaused, tenants: [clean(t)], removed: [], totals: totals() }); return json(res, { tenant: t.tenant, ...limitsOf(t.tenant), paused: t.paused });
      case "limits": if ([wish.documents_per_second, wish.bytes_per_second, wish.concurrency].includes(0)) { return problem(res, 400, "bad-request", "a limit of 0 would stop the work for good: pause it instead"); } Object.assign(limitsOf(t.tenant), wish); note(who, "limits", t.tenant, JSON.stringify(wish)); return json(res, { tenant: t.tenant, ...limitsOf(t.tenant), paused: t.paused });
      case "read_only": t.read_only = wish.on; judge(t); note(who, "read_only", t.tenant, `after: ${wish.on ? "on" : "off"}`); send("fleet", { at: iso(), all_paused: allPaused, tenants: [clean(t)], removed: [], totals: totals() }); return json(res, { tenant: t.tenant, read_only: t.read_only });
      default: return problem(res, 404, "no-such-path", "there is nothing at this path");
    }
  }
  const mine = (tenant) => (q.tenant ? tenant === q.tenant : all || who.tenants.includes(tenant));
  switch (path) {
    case "me": return json(res, { name: who.name, tenants: who.tenants, rights: ["admin"], process: "gw-1-8f3a", version: "0.1.0", auth: AUTH });
    case "fleet": return json(res, fleet());
    case "events": {
      res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      const whole = fleet();
      res.write(`retry: 2000\n\nevent: fleet\ndata: ${JSON.stringify({ ...whole, tenants: whole.tenants.filter(sees) })}\n\n`);
      res.write(`event: transfers\ndata: ${JSON.stringify({ reset: true, started: [...transfers.values()].map(bare), moved: [], ended: [] })}\n\n`);
      streams.add(res);
      req.on("close", () => streams.delete(res));
      return;
    }
    case "transfers": return json(res, { process: "gw-1-8f3a", transfers: [...transfers.values()].map(bare) });
    case "jobs": { const found = jobs.filter((j) => mine(j.id.split(":")[0]) && (!q.kind || j.kind === q.kind)); return json(res, { jobs: found.slice(0, Number(q.limit ?? 1000)) }); }
    case "jobs/reasons": { const groups = new Map(); for (const j of jobs.filter((x) => mine(x.id.split(":")[0]))) { const key = `${j.id.split(":")[0]}|${j.kind}|${j.reason}`; const g = groups.get(key) ?? { tenant: j.id.split(":")[0], kind: j.kind, reason: j.reason, jobs: 0, oldest: j.created_at }; g.jobs += 1; groups.set(key, g); } return json(res, [...groups.values()]); }
    case "jobs/retry": { let n = 0; for (let i = jobs.length - 1; i >= 0; i -= 1) { const j = jobs[i]; const tenant = j.id.split(":")[0]; if ((!wish.tenant || wish.tenant === tenant) && (!wish.kind || wish.kind === j.kind) && (!wish.reason || wish.reason === j.reason)) { jobs.splice(i, 1); tenants.get(tenant).quarantined -= 1; judge(tenants.get(tenant)); n += 1; } } return json(res, { jobs: n }); }
    case "differences": { const list = [difference("trollhattan", 1, "object_bytes"), difference("trollhattan", 2, "alien_object", { document: undefined, collection: undefined, object: "zz/left-over", sides: { object: { note: "24 bytes, last modified 2024-02-11" } } }), difference("acme", 9, "object_missing", { sole: true, sides: { location: { length_bytes: 77 }, object: { note: "no such key" } } })]; return json(res, { differences: list.filter((d) => mine(d.tenant)) }); }
    case "audit": { if (!all && !q.tenant) { return problem(res, 403, "forbidden", "this tells of all tenants, and is for tokens of all tenants"); } const found = audit.filter((e) => (!q.tenant || e.tenant === q.tenant) && (!q.before || e.number < Number(q.before))).slice(0, Number(q.limit ?? 1000)); return json(res, { entries: found, ...(q.check === "true" ? { chain: `whole: ${audit.length} entries` } : {}) }); }
    case "processes": return json(res, [{ name: "gw-1-8f3a", role: "serve", works: true, version: "0.1.0", started_at: iso(Date.now() - 9e7), seen_at: iso() }, { name: "agent-2-01bb", role: "agent", works: true, version: "0.1.0", started_at: iso(Date.now() - 8e7), seen_at: iso(Date.now() - 3000) }]);
    case "operators": return json(res, [{ name: "operator", first_seen: iso(Date.now() - 9e9), last_seen: iso() }, { name: "anna", first_seen: iso(Date.now() - 9e9), last_seen: iso(Date.now() - 8e7) }]);
    case "limits": if (req.method === "PUT") { Object.assign(limits.all, wish); return json(res, { tenant: null, ...limits.all, paused: allPaused }); } return json(res, { ...limits, all: { ...limits.all, paused: allPaused } });
    case "pause": case "resume": allPaused = path === "pause"; note(who, path, null, ""); return json(res, { tenant: null, ...limits.all, paused: allPaused });
    default: {
      const job = path.match(/^jobs\/(.+)\/retry$/);
      if (job) { const i = jobs.findIndex((j) => j.id === job[1]); if (i < 0) { return problem(res, 404, "no-such-job", `there is no quarantined job "${job[1]}"; \`sluss jobs list --state quarantined\` shows them`); } const t = tenants.get(job[1].split(":")[0]); t.quarantined -= 1; judge(t); jobs.splice(i, 1); return json(res, { jobs: 1 }); }
      return problem(res, 404, "no-such-path", "there is nothing at this path");
    }
  }
}).listen(PORT, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${PORT}/console/\n`));
