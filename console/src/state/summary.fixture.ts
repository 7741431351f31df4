import type { Summary } from "../api/types";

/** A tenant at rest, for tests. */
export function summary(tenant: string, change: Partial<Summary> = {}): Summary {
  return {
    tenant,
    phase: "shadow",
    held_by: {},
    backlog: 0,
    quarantined: 0,
    oldest_job_seconds: 0,
    differences: 0,
    writes_around: 0,
    paused: false,
    read_only: false,
    open_breaker: false,
    remaining_documents: 0,
    remaining_bytes: 0,
    documents_per_second: 0,
    bytes_per_second: 0,
    problems: [],
    refreshed_at: "2026-01-01T00:00:00Z",
    ...change,
  };
}
