import { ApiError, type Client } from "./client";
import { readLines } from "./lines";
import type {
  AuditPage,
  BackupAnswer,
  BackupLists,
  BackupWish,
  Counted,
  AllDifferences,
  DrillAnswer,
  DrillLists,
  DrillRequest,
  FlipReport,
  FlipWish,
  HistoryView,
  JobKind,
  JobList,
  JobState,
  LimitsChange,
  LimitsView,
  Me,
  Operator,
  PastList,
  PlanLine,
  Process,
  PurgeAnswer,
  PurgeList,
  ReadOnlyView,
  QuarantineReason,
  RestoreAnswer,
  RestoreList,
  RestoreRequest,
  RetryWish,
  ScopeView,
  Series,
  TenantView,
  VerificationBegun,
  Verifications,
} from "./types";

type Parameter = string | number | boolean | undefined;

function query(parameters: Record<string, Parameter>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}

const of = (tenant: string) => `tenants/${encodeURIComponent(tenant)}`;

/** A refusal by a guard (409) is an answer like others: it tells what stands in the way. */
async function orReport<T>(call: Promise<T>, isReport: (body: unknown) => boolean): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409 && isReport(error.body)) {
      return error.body as T;
    }
    throw error;
  }
}

const has = (name: string) => (body: unknown) => typeof body === "object" && body !== null && name in body;

export const calls = {
  me: (c: Client, signal?: AbortSignal) => c.get<Me>("me", signal),
  tenant: (c: Client, tenant: string, signal?: AbortSignal) => c.get<TenantView>(of(tenant), signal),
  series: (c: Client, tenant: string, minutes: number, signal?: AbortSignal) =>
    c.get<Series>(`${of(tenant)}/series${query({ minutes })}`, signal),
  flip: (c: Client, tenant: string, wish: FlipWish) => orReport(c.send<FlipReport>("POST", `${of(tenant)}/phase`, wish), has("guards")),
  sweep: (c: Client, tenant: string) => c.send<Counted>("POST", `${of(tenant)}/sweep`, {}),
  verify: (c: Client, tenant: string, repair: boolean) => c.send<VerificationBegun>("POST", `${of(tenant)}/verify`, { repair }),
  verification: (c: Client, tenant: string, signal?: AbortSignal) => c.get<Verifications>(`${of(tenant)}/verification`, signal),
  purge: (c: Client, tenant: string, dry_run: boolean) =>
    orReport(c.send<PurgeAnswer>("POST", `${of(tenant)}/purge`, { dry_run }), has("blockers")),
  purges: (c: Client, tenant: string, signal?: AbortSignal) => c.get<PurgeList>(`${of(tenant)}/purge`, signal),
  pause: (c: Client, tenant: string | undefined, paused: boolean) =>
    c.send<ScopeView>("POST", `${tenant === undefined ? "" : `${of(tenant)}/`}${paused ? "pause" : "resume"}`, {}),
  limit: (c: Client, tenant: string | undefined, change: LimitsChange) =>
    c.send<ScopeView>("PUT", `${tenant === undefined ? "" : `${of(tenant)}/`}limits`, change),
  limits: (c: Client, signal?: AbortSignal) => c.get<LimitsView>("limits", signal),
  readOnly: (c: Client, tenant: string, on: boolean) => c.send<ReadOnlyView>("POST", `${of(tenant)}/read_only`, { on }),
  differences: (c: Client, tenant: string | undefined, after: string | undefined, limit: number, signal?: AbortSignal) =>
    c.get<AllDifferences>(`differences${query({ tenant, after, limit })}`, signal),
  jobs: (c: Client, wanted: { tenant?: string; state?: JobState; kind?: JobKind; reason?: string; after?: string; limit?: number }, signal?: AbortSignal) =>
    c.get<JobList>(`jobs${query(wanted)}`, signal),
  reasons: (c: Client, tenant: string | undefined, signal?: AbortSignal) => c.get<QuarantineReason[]>(`jobs/reasons${query({ tenant })}`, signal),
  retryJob: (c: Client, job: string) => c.send<Counted>("POST", `jobs/${encodeURIComponent(job)}/retry`, {}),
  retryJobs: (c: Client, wish: RetryWish) => c.send<Counted>("POST", "jobs/retry", wish),
  audit: (c: Client, wanted: { tenant?: string | undefined; before?: number | undefined; limit?: number; check?: boolean }, signal?: AbortSignal) =>
    c.get<AuditPage>(`audit${query(wanted)}`, signal),
  history: (c: Client, tenant: string, signal?: AbortSignal) => c.get<HistoryView>(`${of(tenant)}/history`, signal),
  versions: (c: Client, wanted: { tenant: string; document: string; before: number | undefined; limit: number }, signal?: AbortSignal) =>
    c.get<PastList>(`versions${query(wanted)}`, signal),
  /** Tells `take` every line; a promise of the end. */
  plan: async (c: Client, wish: RestoreRequest, take: (line: PlanLine) => void, signal: AbortSignal) =>
    readLines(await c.stream(`restores/plan${query({ ...wish })}`, signal, "application/jsonl"), (line) => take(line as PlanLine)),
  restore: (c: Client, wish: RestoreRequest) => orReport(c.send<RestoreAnswer>("POST", "restores", wish), has("blockers")),
  cancelRestore: (c: Client, tenant: string, number: number) =>
    orReport(c.send<RestoreAnswer>("POST", `restores/${encodeURIComponent(`${tenant}:${number}`)}/cancel`, {}), has("blockers")),
  restores: (c: Client, tenant: string, signal?: AbortSignal) => c.get<RestoreList>(`restores${query({ tenant })}`, signal),
  backUp: (c: Client, wish: BackupWish) => orReport(c.send<BackupAnswer>("POST", "backups", wish), has("blockers")),
  backups: (c: Client, tenant: string, limit: number, signal?: AbortSignal) => c.get<BackupLists>(`backups${query({ tenant, limit })}`, signal),
  drill: (c: Client, wish: DrillRequest) => orReport(c.send<DrillAnswer>("POST", "drills", wish), has("blockers")),
  drills: (c: Client, tenant: string, limit: number, signal?: AbortSignal) => c.get<DrillLists>(`drills${query({ tenant, limit })}`, signal),
  processes: (c: Client, signal?: AbortSignal) => c.get<Process[]>("processes", signal),
  operators: (c: Client, signal?: AbortSignal) => c.get<Operator[]>("operators", signal),
};
