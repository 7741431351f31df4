import { expect, test } from "vitest";

import type { Series } from "../api/types";
import { goesOn, MAX_STEPS, mergeSeries, roundUp } from "./series";

const series = (from: string, counts: number[], process = "gw"): Series => ({
  process,
  step_seconds: 10,
  from,
  requests: { sql: counts },
  p50_seconds: { sql: counts.map(() => null) },
  p95_seconds: { sql: counts },
  writes: counts,
  errors: counts,
  fallbacks: counts,
  mismatches: counts,
  copied_documents: counts,
  copied_bytes: counts,
});

test("the newer figures win where both have some", () => {
  const merged = mergeSeries(series("2026-01-01T00:00:00Z", [1, 2, 3]), series("2026-01-01T00:00:20Z", [30, 40]));
  expect(merged.from).toBe("2026-01-01T00:00:00.000Z");
  expect(merged.writes).toEqual([1, 2, 30, 40]);
  expect(merged.p50_seconds.sql).toEqual([null, null, null, null]);
});

test("a holder that comes later has nothing before", () => {
  const newer = series("2026-01-01T00:00:10Z", [5]);
  newer.requests = { cache: [5] };
  const merged = mergeSeries(series("2026-01-01T00:00:00Z", [1]), newer);
  expect(merged.requests).toEqual({ sql: [1, 0], cache: [0, 5] });
});

test("after a gap, and of another process, only the newer is known", () => {
  const older = series("2026-01-01T00:00:00Z", [1, 2]);
  const late = series("2026-01-01T00:10:00Z", [9]);
  expect(mergeSeries(older, late)).toBe(late);
  const other = series("2026-01-01T00:00:10Z", [9], "gw-2");
  expect(mergeSeries(older, other)).toBe(other);
});

test("an hour is kept", () => {
  const older = series("2026-01-01T00:00:00Z", Array.from({ length: MAX_STEPS }, () => 1));
  const merged = mergeSeries(older, series("2026-01-01T01:00:00Z", [2, 2]));
  expect(merged.writes).toHaveLength(MAX_STEPS);
  expect(merged.from).toBe("2026-01-01T00:00:20.000Z");
});

test("scales end at round figures", () => {
  expect([0, 0.7, 1, 3, 17, 51, 200].map((value) => roundUp(value))).toEqual([1, 1, 1, 5, 20, 100, 200]);
  expect([1024, 1025, 3 * 1024 * 1024].map((value) => roundUp(value, true))).toEqual([1024, 2048, 4 * 1024 * 1024]);
});

test("what was added goes on only where no step is missing between", () => {
  const older = series("2026-01-01T00:00:00Z", [1, 2]);
  expect(goesOn(older, series("2026-01-01T00:00:20Z", [3]))).toBe(true);
  expect(goesOn(older, series("2026-01-01T00:00:30Z", [4]))).toBe(false);
  expect(goesOn(older, series("2026-01-01T00:00:20Z", [3], "gw-2"))).toBe(false);
});
