import { HOLDERS, PHASES, type HeldBy, type Phase, type Summary, type TenantView } from "../api/types";

/** Parts of a whole by holder; all 0 where there is nothing. */
export interface Shares {
  total: number;
  sql: number;
  both: number;
  object: number;
}

export function shares(held: HeldBy, of: "documents" | "bytes"): Shares {
  const total = HOLDERS.reduce((sum, holder) => sum + (held[holder]?.[of] ?? 0), 0);
  const part = (holder: (typeof HOLDERS)[number]) => (total === 0 ? 0 : (held[holder]?.[of] ?? 0) / total);
  return { total, sql: part("sql"), both: part("both"), object: part("object") };
}

/** The share of documents that the object store holds. */
export function moved(held: HeldBy): number {
  const { both, object } = shares(held, "documents");
  return both + object;
}

export const SORTS = ["tenant", "phase", "held", "documents", "backlog", "rate", "eta", "problems"] as const;
export type Sort = (typeof SORTS)[number];

export interface Wanted {
  /** Part of a name. */
  text: string;
  phase: Phase | "";
  onlyProblems: boolean;
  sort: Sort;
  descending: boolean;
}

/** The tenants that are wanted, in the order that is wanted; equals by name. */
export function arrange(tenants: Iterable<Summary>, wanted: Wanted): Summary[] {
  const text = wanted.text.trim().toLowerCase();
  const found = [...tenants].filter(
    (tenant) =>
      (text === "" || tenant.tenant.includes(text)) &&
      (wanted.phase === "" || tenant.phase === wanted.phase) &&
      (!wanted.onlyProblems || tenant.problems.length > 0),
  );
  const sign = wanted.descending ? -1 : 1;
  const by = measure(wanted.sort);
  return found.toSorted((a, b) => sign * by(a, b) || byName(a, b));
}

const byName = (a: Summary, b: Summary) => (a.tenant < b.tenant ? -1 : a.tenant > b.tenant ? 1 : 0);

function measure(sort: Sort): (a: Summary, b: Summary) => number {
  switch (sort) {
    case "tenant":
      return byName;
    case "phase":
      return (a, b) => rank(a) - rank(b);
    case "held":
      return (a, b) => moved(a.held_by) - moved(b.held_by);
    case "documents":
      return (a, b) => shares(a.held_by, "documents").total - shares(b.held_by, "documents").total;
    case "backlog":
      return (a, b) => a.backlog - b.backlog;
    case "rate":
      return (a, b) => a.documents_per_second - b.documents_per_second;
    case "eta":
      // Who does not move comes after everybody who does, also among equals.
      return (a, b) => eta(a) - eta(b);
    case "problems":
      return (a, b) => a.problems.length - b.problems.length;
  }
}

const rank = (tenant: Summary) => (tenant.phase === undefined ? -1 : PHASES.indexOf(tenant.phase));

/** A finite stand-in for "never": two infinities have no difference. */
const eta = (tenant: Summary) => tenant.eta_seconds ?? (tenant.remaining_documents > 0 ? Number.MAX_VALUE / 2 : 0);

/** Who holds what: of the tenant's summary, or of its own view where that was asked for after the summary last changed. A resting tenant is looked at every ten seconds only. */
export function latestHeld(summary: Summary, view: TenantView | undefined, askedAt: number): { held: HeldBy; countedAt: string | undefined } {
  const newest = view !== undefined && askedAt > Date.parse(summary.refreshed_at) ? view : summary;
  return { held: newest.held_by, countedAt: newest.counted_at };
}

/** Tenants whose database does not answer, each with why, as the server's own lists name those that they could not ask. */
export function unanswered(tenants: Iterable<Summary>): string[] {
  return [...tenants].flatMap(({ tenant, problems }) => problems.filter((problem) => problem.kind === "database").map((problem) => `${tenant}: ${problem.text}`));
}

export type PhaseCounts = Record<Phase | "unknown", number>;

export function countPhases(tenants: Iterable<Summary>): PhaseCounts {
  const counts: PhaseCounts = { sql: 0, shadow: 0, dual: 0, object: 0, sealed: 0, unknown: 0 };
  for (const tenant of tenants) {
    counts[tenant.phase ?? "unknown"] += 1;
  }
  return counts;
}

/** Whether its figures are known: a sweep has counted, or commits since have added to nothing. */
export const isCounted = (held: HeldBy, countedAt: string | undefined): boolean => countedAt !== undefined || shares(held, "documents").total > 0;
