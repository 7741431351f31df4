import type { Transfer, TransfersChange } from "../api/types";

/** By id. A transfer that is the same object has not moved. */
export type TransfersState = ReadonlyMap<number, Transfer>;

export const NO_TRANSFERS: TransfersState = new Map();

export function changedTransfers(before: TransfersState, change: TransfersChange): TransfersState {
  const next = new Map(change.reset ? undefined : before);
  for (const transfer of change.started ?? []) {
    next.set(transfer.id, transfer);
  }
  for (const [id, bytes_done, bytes_per_second] of change.moved ?? []) {
    const transfer = next.get(id);
    if (transfer !== undefined) {
      next.set(id, { ...transfer, bytes_done, bytes_per_second });
    }
  }
  for (const [id] of change.ended ?? []) {
    next.delete(id);
  }
  return next;
}
