// One sluss in a folder of its own: a configuration, a SQLite file and a folder of objects for each tenant, and the real program.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const BINARY = resolve(process.env.SLUSS_BINARY ?? join(import.meta.dirname, "../../../target/debug/sluss"));

export interface Token {
  name: string;
  token: string;
  tenants: string[];
  rights: ("read" | "write" | "admin")[];
}

export interface Plan {
  tenants: string[];
  /** Without tokens, nobody needs one. */
  tokens?: Token[];
  /** Those that are copied to an offsite store, which is a folder, too. */
  backups?: string[];
  /** Further settings of sluss.toml, as TOML. */
  settings?: string;
}

export interface Wish {
  method?: string;
  body?: unknown;
  token?: string | undefined;
}

/** A tenant as the admin API tells of it; what the tests look at. */
export interface Seen {
  phase?: string;
  held_by: Record<string, { documents: number; bytes: number }>;
  backlog: number;
  quarantined: number;
}

export class House {
  readonly folder = mkdtempSync(join(tmpdir(), "sluss-browser-"));
  private child: ChildProcess | undefined;

  private constructor(
    private plan: Plan,
    readonly documentsPort: number,
    readonly adminPort: number,
  ) {}

  /** Built and serving. */
  static async open(plan: Plan): Promise<House> {
    const [documents, admin] = await freePorts();
    const house = new House(plan, documents, admin);
    house.furnish();
    house.run("init");
    await house.start();
    return house;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  get console(): string {
    return `${this.origin}/console/`;
  }

  async start(): Promise<void> {
    const log = openSync(join(this.folder, "sluss.log"), "a");
    this.child = spawn(BINARY, ["--config", this.config, "serve"], { stdio: ["ignore", log, log] });
    closeSync(log);
    for (let tries = 0; tries < 1200; tries += 1) {
      const answer = await fetch(`${this.origin}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      if (this.child.exitCode !== null) break;
      await sleep(50);
    }
    throw new Error(`sluss does not serve; its log ends with\n${this.log().slice(-3000)}`);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  log(): string {
    return readFileSync(join(this.folder, "sluss.log"), "utf8");
  }

  run(...args: string[]): string {
    return execFileSync(BINARY, ["--config", this.config, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  sql(tenant: string, script: string): string {
    return execFileSync("sqlite3", ["-bail", "-cmd", ".timeout 60000", join(this.folder, `${tenant}.db`)], {
      input: script,
      encoding: "utf8",
    });
  }

  /** Documents as the customer's own program inserts them. */
  seed(tenant: string, documents: number, bytes: number, from = 1): void {
    this.sql(
      tenant,
      `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${from + documents - 1})
       INSERT INTO documents SELECT i, 'application/pdf', 'drawing-' || i || '.pdf', '2026-03-01 08:00:00', randomblob(${bytes}) FROM n;`,
    );
  }

  document(tenant: string, id: number | string): string {
    return `http://127.0.0.1:${this.documentsPort}/v1/tenants/${tenant}/documents/${id}`;
  }

  async admin<T>(path: string, wish: Wish = {}): Promise<T> {
    const answer = await this.ask(path, wish);
    if (!answer.ok) throw new Error(`${wish.method ?? "GET"} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  ask(path: string, wish: Wish = {}): Promise<Response> {
    const token = wish.token ?? this.plan.tokens?.find((known) => known.rights.includes("admin") && known.tenants.includes("*"))?.token;
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const init: RequestInit = { headers };
    if (wish.method) init.method = wish.method;
    if (wish.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(wish.body);
    }
    return fetch(`${this.origin}${path}`, init);
  }

  seen(tenant: string): Promise<Seen> {
    return this.admin<Seen>(`/admin/v1/tenants/${tenant}`);
  }

  async flip(tenant: string, ...phases: string[]): Promise<void> {
    for (const to of phases) {
      await this.admin(`/admin/v1/tenants/${tenant}/phase`, { method: "POST", body: { to, dry_run: false } });
      await this.settled(tenant);
    }
  }

  /** Until the agents have nothing left to do. */
  async settled(tenant: string): Promise<Seen> {
    for (let tries = 0; tries < 600; tries += 1) {
      const seen = await this.seen(tenant);
      const counted = Object.keys(seen.held_by).length > 0;
      if (counted && seen.backlog === 0) return seen;
      await sleep(100);
    }
    throw new Error(`${tenant} does not come to rest: ${JSON.stringify(await this.seen(tenant))}`);
  }

  /** The files of a tenant's objects. */
  objects(tenant: string): string[] {
    const root = join(this.folder, "objects", tenant);
    const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
    return folders.flatMap(({ name }) => readdirSync(join(root, name)).map((file) => join(root, name, file)));
  }

  /** Changes a byte of every copy that a tenant's backup has of its objects; the manifests stay as they are. */
  damageCopies(tenant: string): void {
    const ours = new Set(this.objects(tenant).map((file) => basename(file)));
    const offsite = join(this.folder, "offsite");
    for (const file of readdirSync(offsite, { recursive: true, encoding: "utf8" }).filter((each) => ours.has(basename(each)))) {
      const bytes = readFileSync(join(offsite, file));
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      writeFileSync(join(offsite, file), bytes);
    }
  }

  /** Takes a token out of the configuration, which the running process follows. */
  forgetToken(name: string): void {
    this.plan = { ...this.plan, tokens: this.plan.tokens?.filter((token) => token.name !== name) ?? [] };
    this.configure();
  }

  /** Puts a file where the tenant's folder of objects has to be, so that nothing can be written there, not even by root. Call what it returns to mend it. */
  breakObjects(tenant: string): () => void {
    const objects = join(this.folder, "objects", tenant);
    const aside = `${objects}.aside`;
    const had = existsSync(objects);
    if (had) renameSync(objects, aside);
    writeFileSync(objects, "");
    return () => {
      rmSync(objects);
      if (had) renameSync(aside, objects);
    };
  }

  /** Takes a tenant's database away, as a server that is gone. Who has it open goes on with it: stop the program first. Call what it returns to mend it. */
  loseDatabase(tenant: string): () => void {
    const database = join(this.folder, `${tenant}.db`);
    renameSync(database, `${database}.aside`);
    return () => renameSync(`${database}.aside`, database);
  }

  private get config(): string {
    return join(this.folder, "gateway-config", "sluss.toml");
  }

  private configure(): void {
    const tokens = this.plan.tokens ?? [];
    const gateway = [
      `auth = "${tokens.length > 0 ? "tokens" : "none"}"`,
      "[listeners]",
      `documents = "127.0.0.1:${this.documentsPort}"`,
      `admin = "127.0.0.1:${this.adminPort}"`,
      "[control]",
      'database = "sqlite:../control.db"',
      this.plan.settings ?? "",
      ...tokens.map(tokenToml),
    ];
    writeFileSync(this.config, gateway.join("\n"));
  }

  private furnish(): void {
    mkdirSync(join(this.folder, "gateway-config", "tenants"), { recursive: true });
    this.configure();
    writeFileSync(join(this.folder, "backup.key"), randomBytes(32).toString("base64"));
    for (const tenant of this.plan.tenants) {
      writeFileSync(join(this.folder, "gateway-config", "tenants", `${tenant}.toml`), tenantToml(tenant) + (this.plan.backups?.includes(tenant) ? BACKUP : ""));
      this.sql(
        tenant,
        `PRAGMA journal_mode = WAL;
         CREATE TABLE documents (id INTEGER PRIMARY KEY, media_type TEXT, file_name TEXT, modified_at TEXT, content BLOB);`,
      );
    }
  }
}

function tokenToml({ name, token, tenants, rights }: Token): string {
  const sha256 = createHash("sha256").update(token).digest("hex");
  return `[[tokens]]\nname = "${name}"\nsha256 = "${sha256}"\ntenants = ${JSON.stringify(tenants)}\nrights = ${JSON.stringify(rights)}`;
}

function tenantToml(tenant: string): string {
  return `oldest_sql_backup = "0s"
[sql]
database = "sqlite:../../${tenant}.db"
[collections.documents]
table = "documents"
id = "id"
id_type = "integer"
content = "content"
media_type = "media_type"
file_name = "file_name"
modified = "modified_at"
[objects]
disk = "../../objects"
`;
}

const BACKUP = `[backup]
signing_key = { file = "../../backup.key" }
evidence = "../../evidence"
[backup.objects]
disk = "../../offsite"
`;

/** Both are held until both are known: one that is free again may be the next that is given. */
async function freePorts(): Promise<[number, number]> {
  const [one, other] = [createServer(), createServer()];
  const ports = await Promise.all([listening(one), listening(other)]);
  await Promise.all([one, other].map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}
