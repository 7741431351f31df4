import { expect, test } from "vitest";

import type { JobKind, QuarantineReason } from "../api/types";
import { counter, MAX_GROUPED } from "./quarantine";

const line = (tenant: string, kind: JobKind, jobs: number): QuarantineReason => ({ tenant, kind, reason: "it is away", jobs, oldest: "2026-01-01T00:00:00Z" });

test("where a tenant's jobs were not all looked at, each count with some of them is a least one", () => {
  const copies = line("acme", "copy", MAX_GROUPED - 10);
  const purges = line("acme", "purge", 10);
  const others = line("globex", "copy", MAX_GROUPED - 1);
  const count = counter([copies, purges, others]);
  expect(count([purges])).toEqual({ jobs: 10, atLeast: true });
  expect(count([copies, others])).toEqual({ jobs: 2 * MAX_GROUPED - 11, atLeast: true });
  expect(count([others])).toEqual({ jobs: MAX_GROUPED - 1, atLeast: false });
});
