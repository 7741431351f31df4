// A fleet at full work, as the admin API tells of it: every tenant moves, and hundreds of transfers are in flight, begin and end.
// Or a recording of a real one.
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";
import type { Direction, Fleet, Party, Summary, Transfer, TransfersEvent } from "../../../console/src/api/types.ts";

const PHASES = ["sql", "shadow", "dual", "object", "sealed"] as const;
const DIRECTIONS = ["download", "upload", "copy", "write_back", "verify"] as const;
const PLACES: Record<Direction, [from: Party, to: Party]> = {
  download: ["object", "client"],
  upload: ["client", "object"],
  copy: ["sql", "object"],
  write_back: ["object", "sql"],
  keep: ["sql", "object"],
  restore: ["object", "sql"],
  verify: ["object", "nobody"],
  backup: ["object", "object"],
};
/** Documents are of many sizes. */
const SIZES = [40_000, 300_000, 2_000_000, 25_000_000, 400_000_000] as const;

/** Numbers that are the same in every run. */
function* numbers(): Generator<number, never> {
  for (let state = 7; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

export class Fair {
  private readonly random = numbers();
  private readonly tenants: Summary[];
  private readonly flying = new Map<number, Transfer>();
  private next = 1;

  constructor(
    tenants: number,
    private readonly transfers: number,
  ) {
    this.tenants = Array.from({ length: tenants }, (_, index) => this.tenant(index));
    while (this.flying.size < transfers) this.begin();
  }

  fleet(): Fleet {
    const sum = (of: (tenant: Summary) => number) => this.tenants.reduce((total, tenant) => total + of(tenant), 0);
    const held = (holder: "sql" | "both" | "object") => ({
      documents: sum((tenant) => tenant.held_by[holder]?.documents ?? 0),
      bytes: sum((tenant) => tenant.held_by[holder]?.bytes ?? 0),
    });
    const held_by = { sql: held("sql"), both: held("both"), object: held("object") };
    return {
      at: new Date().toISOString(),
      all_paused: false,
      tenants: this.tenants,
      stores: (["sql", "object"] as const).map((kind) => ({
        store: `${kind}-main`,
        kind,
        tenants: this.tenants.slice(0, 5).map((tenant) => tenant.tenant),
        tenant_count: this.tenants.length,
        state: "ok",
        in_flight: 200,
        p95_seconds: 0.012 + this.any() * 0.01,
      })),
      totals: {
        documents: held_by.sql.documents + held_by.both.documents + held_by.object.documents,
        bytes: held_by.sql.bytes + held_by.both.bytes + held_by.object.bytes,
        held_by,
        backlog: sum((tenant) => tenant.backlog),
        quarantined: sum((tenant) => tenant.quarantined),
        problems: sum((tenant) => tenant.problems.length),
      },
    };
  }

  everyTransfer(): TransfersEvent {
    return { reset: true, started: [...this.flying.values()], moved: [], ended: [] };
  }

  /** A second later: every tenant has moved. */
  moveTenants(): Omit<Fleet, "tenants"> & { tenants: Summary[]; removed: string[] } {
    for (const tenant of this.tenants) {
      const documents = Math.min(Math.round(this.any() * 40), tenant.remaining_documents);
      const bytes = Math.min(documents * 180_000, tenant.remaining_bytes);
      for (const [holder, sign] of [
        ["sql", -1],
        ["both", 1],
      ] as const) {
        const held = tenant.held_by[holder] ?? { documents: 0, bytes: 0 };
        tenant.held_by[holder] = { documents: held.documents + sign * documents, bytes: held.bytes + sign * bytes };
      }
      tenant.remaining_documents -= documents;
      tenant.remaining_bytes -= bytes;
      tenant.backlog = Math.round(this.any() * 900);
      tenant.documents_per_second = documents;
      tenant.bytes_per_second = bytes;
      if (documents > 0) tenant.eta_seconds = tenant.remaining_documents / documents;
      tenant.refreshed_at = new Date().toISOString();
    }
    return { ...this.fleet(), removed: [] };
  }

  /** Half a second later: each transfer has moved, and some have ended, for which others begin. */
  moveTransfers(): TransfersEvent {
    const moved: [number, number, number][] = [];
    const ended: [number, "done" | "failed"][] = [];
    for (const transfer of this.flying.values()) {
      const total = transfer.bytes_total ?? 0;
      transfer.bytes_done = Math.min(total, Math.round(transfer.bytes_done + total * this.any() * 0.1));
      transfer.bytes_per_second = total * 0.1;
      if (transfer.bytes_done < total) moved.push([transfer.id, transfer.bytes_done, transfer.bytes_per_second]);
      else ended.push([transfer.id, this.any() < 0.01 ? "failed" : "done"]);
    }
    for (const [id] of ended) this.flying.delete(id);
    const started: Transfer[] = [];
    while (this.flying.size < this.transfers) started.push(this.begin());
    return { started, moved, ended };
  }

  private any(): number {
    return this.random.next().value;
  }

  private one<T>(of: readonly [T, ...T[]]): T {
    return of[Math.floor(this.any() * of.length)] ?? of[0];
  }

  private tenant(index: number): Summary {
    const documents = Math.round(10_000 + this.any() * 900_000);
    const part = (share: number) => ({ documents: Math.round(documents * share), bytes: Math.round(documents * share) * 180_000 });
    const paused = index % 50 === 9;
    return {
      tenant: `tenant-${String(index).padStart(3, "0")}`,
      phase: this.one(PHASES),
      held_by: { sql: part(0.5), both: part(0.3), object: part(0.2) },
      counted_at: new Date().toISOString(),
      backlog: 100,
      quarantined: index % 40 === 3 ? 2 : 0,
      oldest_job_seconds: 12,
      differences: 0,
      writes_around: 0,
      paused,
      read_only: false,
      open_breaker: false,
      remaining_documents: part(0.5).documents,
      remaining_bytes: part(0.5).bytes,
      documents_per_second: 20,
      bytes_per_second: 3_600_000,
      eta_seconds: 4000,
      problems: [
        ...(index % 40 === 3 ? [{ kind: "quarantined" as const, text: "2 jobs are quarantined" }] : []),
        ...(paused ? [{ kind: "paused" as const, text: "the agents rest" }] : []),
      ],
      refreshed_at: new Date().toISOString(),
    };
  }

  private begin(): Transfer {
    const id = this.next;
    this.next += 1;
    const direction = this.one(DIRECTIONS);
    const [source, target] = PLACES[direction];
    const transfer: Transfer = {
      id,
      tenant: `tenant-${String(Math.floor(this.any() * this.tenants.length)).padStart(3, "0")}`,
      collection: "documents",
      document: `drawing-${100_000 + id}`,
      direction,
      source,
      target,
      bytes_done: 0,
      bytes_total: this.one(SIZES),
      bytes_per_second: 0,
      attempt: 1 + Math.floor(this.any() ** 6 * 4),
      started_at: new Date().toISOString(),
    };
    this.flying.set(id, transfer);
    return transfer;
  }
}

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Serves a built console, and beside it such a stream. */
export class Replay {
  private constructor(
    private readonly server: Server,
    /** One of the tenants. */
    readonly tenant: string,
  ) {}

  /** `recording`: the bytes of a stream that was recorded (`sluss-loadtest events --record`), in place of a fleet that is made up. */
  static async open(dist: string, tenants: number, transfers: number, recording?: string): Promise<Replay> {
    const recorded = recording === undefined ? undefined : halfSeconds(readFileSync(recording, "utf8"));
    const server = createServer((request, answer) => {
      const { pathname } = new URL(request.url ?? "/", "http://replay");
      if (pathname === "/admin/v1/events") stream(request, answer, recorded, new Fair(tenants, transfers));
      else if (pathname === "/admin/v1/me") json(answer, 200, ME);
      else if (pathname === "/admin/v1/fleet") json(answer, 200, new Fair(tenants, 0).fleet());
      else if (pathname.startsWith("/console/")) file(answer, dist, pathname.slice("/console/".length));
      else json(answer, 404, { type: "about:blank", title: "Not Found", status: 404, detail: "only a replay", request_id: "0" });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return new Replay(server, recorded ? (/"tenant":"([^"]+)"/.exec(recorded.join(""))?.[1] ?? "") : "tenant-007");
  }

  get console(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/console/`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}

const ME = { name: "anybody", tenants: ["*"], rights: ["read", "write", "admin"], process: "replay", version: "0.1.0", auth: "none" };

function json(answer: ServerResponse, status: number, body: unknown): void {
  answer.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function file(answer: ServerResponse, dist: string, name: string): void {
  const path = resolve(join(dist, normalize(name || "index.html")));
  if (!path.startsWith(resolve(dist)) || !existsSync(path)) return void answer.writeHead(404).end();
  answer.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(readFileSync(path));
}

/** A recording as it was told, half a second each: transfers are told twice a second, and whatever else between two of them. */
function halfSeconds(recording: string): string[] {
  const found = recording.split(/(?<=event: transfers\n.*\n\n)/).filter((part) => part.includes("event: transfers"));
  if (found.length === 0) throw new Error("the recording has no event about transfers");
  return found;
}

function stream(request: IncomingMessage, answer: ServerResponse, recorded: string[] | undefined, fair: Fair): void {
  answer.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const timers: NodeJS.Timeout[] = [];
  request.once("close", () => timers.forEach(clearTimeout));
  if (recorded) {
    let next = 0;
    // The end is followed by the beginning, which is everything: however short the recording is, the page is never idle.
    const more = () => {
      answer.write(recorded[next % recorded.length]);
      next += 1;
    };
    more();
    timers.push(setInterval(more, 500));
    return;
  }
  const say = (event: string, data: unknown) => answer.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  answer.write("retry: 2000\n\n");
  say("fleet", fair.fleet());
  say("transfers", fair.everyTransfer());
  timers.push(setInterval(() => say("fleet", fair.moveTenants()), 1000));
  timers.push(setInterval(() => say("transfers", fair.moveTransfers()), 500));
}
