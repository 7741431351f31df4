import type { LimitsChange, WorkLimits } from "../api/types";

/** What is typed; "" is no limit. */
export interface LimitsDraft {
  documents_per_second: string;
  mebibytes_per_second: string;
  concurrency: string;
}

const MIB = 1024 * 1024;

const shown = (figure: number | null) => (figure === null ? "" : String(figure));

export function draftOf(limits: WorkLimits): LimitsDraft {
  return {
    documents_per_second: shown(limits.documents_per_second),
    mebibytes_per_second: limits.bytes_per_second === null ? "" : String(Number((limits.bytes_per_second / MIB).toFixed(3))),
    concurrency: shown(limits.concurrency),
  };
}

/** What the draft changes; `undefined` where a field is no figure above 0. A decimal comma is understood, too. */
export function changeOf(limits: WorkLimits, draft: LimitsDraft): LimitsChange | undefined {
  const before = draftOf(limits);
  const change: LimitsChange = {};
  const fields = [
    { name: "documents_per_second", typed: "documents_per_second", unit: 1 },
    { name: "bytes_per_second", typed: "mebibytes_per_second", unit: MIB },
    { name: "concurrency", typed: "concurrency", unit: 1 },
  ] as const;
  for (const { name, typed, unit } of fields) {
    const text = draft[typed].trim().replace(",", ".");
    if (text === before[typed]) {
      continue;
    }
    if (text === "") {
      change[name] = null;
      continue;
    }
    const figure = Math.round(Number(text) * unit);
    if (!Number.isFinite(figure) || figure < 1) {
      return undefined;
    }
    change[name] = figure;
  }
  return change;
}
