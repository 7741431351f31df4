// What the admin API says and is told. The names are those of its OpenAPI document (/openapi.json).
// Times are RFC 3339 in UTC, sizes are bytes, durations are seconds.

export const PHASES = ["sql", "shadow", "dual", "object", "sealed"] as const;
export type Phase = (typeof PHASES)[number];

export const HOLDERS = ["sql", "both", "object"] as const;
export type Holder = (typeof HOLDERS)[number];

export interface Held {
  documents: number;
  bytes: number;
}

export type HeldBy = Partial<Record<Holder, Held>>;

export interface Me {
  name: string;
  /** `["*"]`: all. */
  tenants: string[];
  rights: string[];
  process: string;
  version: string;
  auth: "none" | "tokens";
}

export const PROBLEM_KINDS = [
  "quarantined",
  "difference",
  "write_around",
  "breaker_open",
  "not_ours",
  "database",
  "placement_full",
  "read_only",
  "paused",
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

export interface WatchedProblem {
  kind: ProblemKind;
  text: string;
}

export interface Summary {
  tenant: string;
  /** Absent while the tenant's database has not answered. */
  phase?: Phase;
  held_by: HeldBy;
  counted_at?: string;
  backlog: number;
  quarantined: number;
  oldest_job_seconds: number;
  differences: number;
  writes_around: number;
  paused: boolean;
  read_only: boolean;
  objects_of?: string;
  open_breaker: boolean;
  remaining_documents: number;
  remaining_bytes: number;
  documents_per_second: number;
  bytes_per_second: number;
  eta_seconds?: number;
  problems: WatchedProblem[];
  refreshed_at: string;
}

export type StoreState = "ok" | "slow" | "out" | "unknown";

export interface StoreSummary {
  store: string;
  kind: "sql" | "object";
  /** Five names at most; `tenant_count` tells how many there are. */
  tenants: string[];
  tenant_count: number;
  state: StoreState;
  text?: string;
  in_flight: number;
  p95_seconds?: number;
}

export interface Totals {
  documents: number;
  bytes: number;
  held_by: HeldBy;
  backlog: number;
  quarantined: number;
  problems: number;
}

export interface Fleet {
  at: string;
  all_paused: boolean;
  tenants: Summary[];
  stores: StoreSummary[];
  totals: Totals;
}

/** What changed since the event before; with `reset`, and as the first of a connection, everything. */
export interface FleetEvent {
  at: string;
  reset?: boolean;
  all_paused: boolean;
  tenants: Summary[];
  removed: string[];
  stores?: StoreSummary[];
  totals: Totals;
}

export const DIRECTIONS = ["download", "upload", "copy", "write_back", "keep", "restore", "verify", "backup"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** Who gives or takes content. */
export type Party = "client" | "sql" | "object" | "cache" | "nobody";

export interface Transfer {
  id: number;
  tenant: string;
  collection: string;
  /** Empty for a new one, whose id the database has yet to give. */
  document: string;
  direction: Direction;
  source: Party;
  target: Party;
  bytes_done: number;
  bytes_total?: number;
  bytes_per_second: number;
  attempt: number;
  started_at: string;
}

export type TransferEnd = "done" | "failed" | "gone";

export interface TransfersEvent {
  /** Nothing from before is in flight any more. */
  reset?: boolean;
  started: Transfer[];
  moved: [id: number, bytes_done: number, bytes_per_second: number][];
  ended: [id: number, how: TransferEnd][];
}

export interface PhaseEvent {
  tenant: string;
  from: Phase;
  to: Phase;
  /** When the process that tells it saw it. */
  at: string;
}

export const SERVED_FROM = ["sql", "object", "cache"] as const;
export type ServedFrom = (typeof SERVED_FROM)[number];

/** All lists are of one length, the oldest step first. */
export interface Series {
  process: string;
  step_seconds: number;
  /** When the first step begins. */
  from: string;
  requests: Record<string, number[]>;
  p50_seconds: Record<string, (number | null)[]>;
  p95_seconds: Record<string, (number | null)[]>;
  writes: number[];
  errors: number[];
  fallbacks: number[];
  mismatches: number[];
  copied_documents: number[];
  copied_bytes: number[];
}

export type GuardName = "one_step" | "store_probe" | "sample_comparison" | "verification";

export interface Verdict {
  guard: GuardName;
  passed: boolean;
  detail: string;
}

export type FlipOutcome = "flipped" | "already_there" | "would_flip" | "blocked" | "moved";

export interface FlipReport {
  tenant: string;
  from: Phase;
  to: Phase;
  outcome: FlipOutcome;
  guards: Verdict[];
}

export interface FlipWish {
  to: Phase;
  /** The phase that was shown: in any other one nothing is flipped, and the outcome is `moved`. */
  from?: Phase;
  dry_run?: boolean;
}

export interface Counted {
  jobs: number;
  /** Tenants whose database did not answer, where all were asked, each with why. */
  unknown?: string[];
}

export interface WorkLimits {
  documents_per_second: number | null;
  bytes_per_second: number | null;
  concurrency: number | null;
  paused: boolean;
}

/** What is not named stays; `null` lifts a limit. */
export type LimitsChange = Partial<Omit<WorkLimits, "paused">>;

export interface LimitsView {
  all: WorkLimits;
  tenants: Record<string, WorkLimits>;
}

export interface ScopeView extends WorkLimits {
  tenant: string | null;
}

export interface ReadOnlyView {
  tenant: string;
  read_only: boolean;
}

export type JobKind = "copy" | "write_back" | "sweep" | "changes" | "verify" | "purge" | "restore" | "keep" | "collect" | "backup";
export type JobState = "ready" | "leased" | "quarantined";

export interface Jobs {
  kind: JobKind;
  state: JobState;
  jobs: number;
  oldest: string;
}

export interface TenantView {
  tenant: string;
  phase?: Phase;
  held_by: HeldBy;
  counted_at?: string;
  jobs: Jobs[];
  backlog: number;
  quarantined: number;
  only_in_object_store: number;
  open_uploads: number;
  verification: { under_way: boolean; last_complete?: string; open_differences: number };
  read_only: boolean;
  limits: WorkLimits;
  all_paused: boolean;
  objects_of?: string;
  problem?: string;
}

export interface JobLine {
  id: string;
  kind: JobKind;
  target: string;
  state: JobState;
  priority: string;
  failures: number;
  reason?: string;
  owner?: string;
  created_at: string;
  due_at: string;
}

export interface JobList {
  jobs: JobLine[];
  next?: string;
  unknown?: string[];
}

export interface QuarantineReason {
  tenant: string;
  kind: JobKind;
  /** The jobs' reason without the names of documents and objects. */
  reason: string;
  jobs: number;
  oldest: string;
}

export interface RetryWish {
  tenant?: string;
  kind?: JobKind;
  reason?: string;
}

export interface VerifyFigures {
  documents: number;
  bytes: number;
  verified: number;
  unlocated: number;
  moved: number;
  different: number;
  failed: number;
  objects: number;
}

export interface VerifyRun extends VerifyFigures {
  collection: string;
  number: number;
  repair: boolean;
  background: boolean;
  started_at: string;
  ended_at?: string;
  epoch: number;
  revision: number;
}

export interface VerificationProgress extends VerifyFigures {
  number: number;
  documents_expected?: number;
  documents_per_second: number;
  bytes_per_second: number;
  seconds_left?: number;
}

export interface Verifications {
  tenant: string;
  runs: VerifyRun[];
  progress?: VerificationProgress;
  open_differences: number;
  stuck?: string;
}

export interface VerificationBegun {
  tenant: string;
  number: number;
  repair: boolean;
}

export type DifferenceKind =
  | "sql_bytes"
  | "object_bytes"
  | "object_missing"
  | "labels"
  | "alien_object"
  | "impossible";

export interface Facts {
  revision?: number;
  length_bytes?: number;
  sha256?: string;
  first_differing_piece?: number;
  media_type?: string;
  file_name?: string;
  note?: string;
}

export interface TenantsDifference {
  tenant: string;
  number: number;
  kind: DifferenceKind;
  collection?: string;
  document?: string;
  object?: string;
  sole: boolean;
  found_by: "verify" | "shadow" | "sample";
  found_at: string;
  remedy: "open" | "replaced";
  sides: { location?: Facts; sql?: Facts; object?: Facts };
}

export interface AllDifferences {
  differences: TenantsDifference[];
  next?: string;
  unknown?: string[];
}

export interface PurgeRun {
  collection: string;
  dry_run: boolean;
  started_at: string;
  ended_at?: string;
  documents: number;
  bytes: number;
  unverified: number;
  too_young: number;
  moved: number;
  stopped?: string;
}

export interface PurgeList {
  tenant: string;
  runs: PurgeRun[];
}

export interface PurgeAnswer {
  tenant: string;
  dry_run: boolean;
  outcome: "begun" | "blocked";
  blockers: string[];
}

/** What all versions of a tenant's documents come to. */
export interface HistoryView {
  tenant: string;
  keep_for_seconds: number;
  /** Null: nothing is removed. */
  oldest_sql_backup_seconds: number | null;
  all: VersionCount;
  /** In the database still. */
  staged: VersionCount;
  /** The next collection removes them. */
  past: VersionCount;
}

export interface VersionCount {
  versions: number;
  bytes: number;
}

/** A content that a document had. */
export interface PastView {
  stamp: string;
  bytes: number;
  media_type: string | null;
  file_name: string | null;
  /** Null: nobody knows. */
  held_from: string | null;
  /** Otherwise a copy found it at `held_from`. */
  exact: boolean;
  held_to: string;
  staged: boolean;
  /** A restore to this instant makes it current again. */
  restored_by: string;
}

export interface PastList {
  tenant: string;
  collection: string;
  document: string;
  versions: PastView[];
  /** `before` of the next page. */
  next: number | null;
}

export interface RestoreRequest {
  tenant: string;
  at: string;
  /** `<collection>/<id>`; absent: all. */
  document?: string;
  /** Absent: the tenant itself. */
  into?: string;
}

export interface RestoreAnswer {
  tenant: string;
  outcome: "begun" | "cancelled" | "blocked";
  blockers: string[];
  number: number | null;
}

export interface RestoreFigures {
  looked_at: number;
  restored: number;
  restored_bytes: number;
  removed: number;
  doubtful: number;
  dealt: number;
  marked: number;
  barred: number;
  failed: number;
}

/** The part of a restore that is about one collection. */
export interface RestoreView {
  tenant: string;
  number: number;
  collection: string;
  instant: string;
  document?: string;
  into?: string;
  started_at: string;
  ended_at?: string;
  figures: RestoreFigures;
  stopped?: string;
  undone_by: string;
}

export interface RestoreList {
  restores: RestoreView[];
  unknown: string[];
}

export interface PlannedDocument {
  collection: string;
  document: string;
  action: "restore" | "remove" | "stay";
  bytes: number;
  stamp?: string;
  doubtful: boolean;
  reason?: string;
}

export interface PlanTotals {
  restored: number;
  restored_bytes: number;
  removed: number;
  left: number;
  doubtful: number;
}

/** A line of a plan has one of these. */
export interface PlanLine {
  blockers?: string[];
  document?: PlannedDocument;
  looked_at?: number;
  totals?: PlanTotals;
}

export interface BackupWish {
  tenant: string;
}

export interface BackupAnswer {
  tenant: string;
  outcome: "begun" | "blocked";
  number?: number;
  blockers: string[];
}

export type BackupState = "running" | "failed" | "kept" | "leaving" | "gone" | "broken";
export type BackupKind = "base" | "increment";

export interface BackupView {
  number: number;
  state: BackupState;
  /** The moment whose contents it has. */
  instant: string;
  ended_at?: string;
  documents: number;
  bytes: number;
  only_in_sql: number;
  left_out: number;
  objects_copied: number;
  bytes_copied: number;
  reason?: string;
  /** Once it is written. */
  manifest?: { kind: BackupKind };
}

export interface BackupList {
  tenant: string;
  /** The tenant's file has a `[backup]`. */
  configured: boolean;
  next_at?: string;
  bad_copies: number;
  /** The newest first. */
  runs: BackupView[];
}

export interface BackupLists {
  tenants: BackupList[];
}

export interface DrillRequest {
  tenant: string;
  /** Documents chosen at random; absent: as many as the server means. */
  sample?: number;
  all?: boolean;
}

export interface DrillAnswer {
  tenant: string;
  outcome: "begun" | "blocked";
  blockers: string[];
}

/** What a drill left for whoever asks whether backups can be restored. */
export interface Evidence {
  by: string;
  ended_at: string;
  duration_seconds: number;
  manifest: { number: number; instant: string };
  /** Every document of the manifest, and not a sample. */
  whole: boolean;
  documents: number;
  bytes: number;
  compared_with_primary: number;
  different: number;
  /** The first of them, and why. */
  named: string[];
  passed: boolean;
}

export interface DrillUnderWay {
  by: string;
  began_at: string;
  whole: boolean;
  documents: number;
  bytes: number;
  different: number;
  of?: number;
}

export interface DrillList {
  tenant: string;
  /** The tenant's file names a folder for evidence. */
  configured: boolean;
  next_at?: string;
  passed_at?: string;
  under_way?: DrillUnderWay;
  /** The last one of this process, where nothing came of it. */
  not_run?: { by: string; at: string; reason: string };
  /** The newest first. */
  drills: Evidence[];
  unreadable: number;
}

export interface DrillLists {
  tenants: DrillList[];
}

export interface AuditEntry {
  number: number;
  at: string;
  actor: string;
  on_behalf_of: string | null;
  action: string;
  tenant: string | null;
  detail: string;
  hash: string;
}

export interface AuditPage {
  entries: AuditEntry[];
  chain?: string;
}

export interface Process {
  name: string;
  role: string;
  works: boolean;
  version: string;
  started_at: string;
  seen_at: string;
}

export interface Operator {
  name: string;
  first_seen: string;
  last_seen: string;
}

/** RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  request_id: string;
}
