import type { Direction, Transfer, TransfersEvent } from "../api/types";

/** A transfer that did not come to its end. */
export interface Failed extends Transfer {
  ended_at: number;
}

/** By id. A transfer that is the same object has not moved. */
export interface TransfersState {
  inFlight: ReadonlyMap<number, Transfer>;
  /** The latest first. */
  failed: readonly Failed[];
}

export const NO_TRANSFERS: TransfersState = { inFlight: new Map(), failed: [] };

const MAX_FAILED = 50;

/** `now`: by the server's clock. */
export function changedTransfers(before: TransfersState, change: TransfersEvent, now: number): TransfersState {
  const next = new Map(change.reset ? undefined : before.inFlight);
  let { failed } = before;
  for (const transfer of change.started) {
    next.set(transfer.id, transfer);
  }
  for (const [id, bytes_done, bytes_per_second] of change.moved) {
    const transfer = next.get(id);
    if (transfer !== undefined) {
      next.set(id, { ...transfer, bytes_done, bytes_per_second });
    }
  }
  for (const [id, how] of change.ended) {
    const transfer = next.get(id);
    next.delete(id);
    if (how === "failed" && transfer !== undefined) {
      failed = [{ ...transfer, ended_at: now }, ...failed].slice(0, MAX_FAILED);
    }
  }
  return { inFlight: next, failed };
}

export const TRANSFER_SORTS = ["age", "document", "direction", "progress", "rate", "attempt"] as const;
export type TransferSort = (typeof TRANSFER_SORTS)[number];

export interface WantedTransfers {
  text: string;
  tenant: string;
  direction: Direction | "";
  sort: TransferSort;
  descending: boolean;
}

/** Those that are wanted, in the order that is wanted; equals as they began. */
export function arrangeTransfers(transfers: Iterable<Transfer>, wanted: WantedTransfers): Transfer[] {
  const text = wanted.text.trim().toLowerCase();
  const found = [...transfers].filter(
    (each) =>
      (wanted.tenant === "" || each.tenant === wanted.tenant) &&
      (wanted.direction === "" || each.direction === wanted.direction) &&
      (text === "" || `${each.tenant}/${each.collection}/${each.document}`.toLowerCase().includes(text)),
  );
  const sign = wanted.descending ? -1 : 1;
  const by = measure(wanted.sort);
  return found.toSorted((a, b) => sign * by(a, b) || a.id - b.id);
}

function measure(sort: TransferSort): (a: Transfer, b: Transfer) => number {
  switch (sort) {
    case "age":
      // Who began first is the oldest.
      return (a, b) => compare(b.started_at, a.started_at);
    case "document":
      return (a, b) => compare(a.tenant, b.tenant) || compare(a.document, b.document);
    case "direction":
      return (a, b) => compare(a.direction, b.direction);
    case "progress":
      return (a, b) => share(a) - share(b);
    case "rate":
      return (a, b) => a.bytes_per_second - b.bytes_per_second;
    case "attempt":
      return (a, b) => a.attempt - b.attempt;
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const share = (transfer: Transfer) => (transfer.bytes_total ? transfer.bytes_done / transfer.bytes_total : 0);

export interface Flow {
  transfers: number;
  bytes_per_second: number;
}

const none = (): Flow => ({ transfers: 0, bytes_per_second: 0 });

/** How many go which way, and how fast together. */
export function flows(transfers: Iterable<Transfer>): Record<Direction, Flow> {
  const found: Record<Direction, Flow> = { download: none(), upload: none(), copy: none(), write_back: none(), keep: none(), restore: none(), verify: none(), backup: none() };
  for (const each of transfers) {
    const flow = found[each.direction];
    flow.transfers += 1;
    flow.bytes_per_second += each.bytes_per_second;
  }
  return found;
}
