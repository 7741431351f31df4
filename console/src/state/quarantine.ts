import type { QuarantineReason } from "../api/types";

/** The most quarantined jobs of one tenant that the server groups; there may be more of them. */
export const MAX_GROUPED = 10_000;

/** How many jobs; `atLeast`: there may be more, since a tenant's were not all looked at. */
export interface JobCount {
  jobs: number;
  atLeast: boolean;
}

/** Counts lines of all that were listed: whether a tenant's were all looked at shows only in all of its lines together. */
export function counter(all: readonly QuarantineReason[]): (lines: readonly QuarantineReason[]) => JobCount {
  const ofTenant = new Map<string, number>();
  for (const line of all) {
    ofTenant.set(line.tenant, (ofTenant.get(line.tenant) ?? 0) + line.jobs);
  }
  return (lines) => ({
    jobs: lines.reduce((sum, line) => sum + line.jobs, 0),
    atLeast: lines.some((line) => (ofTenant.get(line.tenant) ?? 0) >= MAX_GROUPED),
  });
}
