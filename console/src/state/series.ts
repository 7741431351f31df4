import type { Series } from "../api/types";

/** An hour of ten seconds each: what the server keeps. */
export const MAX_STEPS = 360;

type Row = (number | null)[];

/** Steps between the beginnings of two series. */
const stepsBetween = (older: Series, newer: Series) => Math.round((Date.parse(newer.from) - Date.parse(older.from)) / (newer.step_seconds * 1000));

/** Whether the newer one goes on where the older one ends, or before: of one process, with one step, and no gap. */
export function goesOn(older: Series, newer: Series): boolean {
  const offset = stepsBetween(older, newer);
  return older.process === newer.process && older.step_seconds === newer.step_seconds && offset >= 0 && offset <= older.writes.length;
}

/**
 * The older series, gone on with by the newer one, whose figures win where both have some. Another process, another step or a gap: the newer
 * one alone, since nothing is known of between.
 */
export function mergeSeries(older: Series | undefined, newer: Series): Series {
  if (older === undefined || !goesOn(older, newer)) {
    return newer;
  }
  const step = newer.step_seconds * 1000;
  const offset = stepsBetween(older, newer);
  const olderLength = older.writes.length;
  const length = offset + newer.writes.length;
  const cut = Math.max(0, length - MAX_STEPS);
  const join = <V extends number | null>(a: V[] | undefined, b: V[] | undefined, none: V): V[] => {
    const before = a ?? Array.from<V>({ length: olderLength }).fill(none);
    const after = b ?? Array.from<V>({ length: newer.writes.length }).fill(none);
    return [...before.slice(0, offset), ...after].slice(cut);
  };
  const joinAll = <V extends number | null>(a: Record<string, V[]>, b: Record<string, V[]>, none: V): Record<string, V[]> =>
    Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, join(a[key], b[key], none)]));
  return {
    process: newer.process,
    step_seconds: newer.step_seconds,
    from: new Date(Date.parse(older.from) + cut * step).toISOString(),
    requests: joinAll(older.requests, newer.requests, 0),
    p50_seconds: joinAll(older.p50_seconds, newer.p50_seconds, null),
    p95_seconds: joinAll(older.p95_seconds, newer.p95_seconds, null),
    writes: join(older.writes, newer.writes, 0),
    errors: join(older.errors, newer.errors, 0),
    fallbacks: join(older.fallbacks, newer.fallbacks, 0),
    mismatches: join(older.mismatches, newer.mismatches, 0),
    copied_documents: join(older.copied_documents, newer.copied_documents, 0),
    copied_bytes: join(older.copied_bytes, newer.copied_bytes, 0),
  };
}

/** Counts of a step as figures a second. */
export const perSecond = (counts: number[] | undefined, step: number): number[] => (counts ?? []).map((count) => count / step);

/** The last `steps` of a row. */
export const lastOf = (row: Row, steps: number): Row => (row.length > steps ? row.slice(-steps) : row);

/** The next round figure at or above: 1, 2 or 5 by a power of ten; for bytes a power of two, and no less than can be halved in words. */
export function roundUp(value: number, binary = false): number {
  if (binary) {
    return 2 ** Math.max(10, Math.ceil(Math.log2(Math.max(1, value)) - 0.001));
  }
  if (value <= 0) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  const found = [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999);
  return (found ?? 10) * power;
}
