import { expect, test } from "vitest";

import type { Transfer, TransfersEvent } from "../api/types";
import { arrangeTransfers, changedTransfers, flows, NO_TRANSFERS, type WantedTransfers } from "./transfers";

const change = (some: Partial<TransfersEvent>): TransfersEvent => ({ started: [], moved: [], ended: [], ...some });

const transfer = (id: number, more: Partial<Transfer> = {}): Transfer => ({
  id,
  tenant: "acme",
  collection: "documents",
  document: `${id}.pdf`,
  direction: "copy",
  source: "sql",
  target: "object",
  bytes_done: 0,
  bytes_total: 100,
  bytes_per_second: 10,
  attempt: 1,
  started_at: `2026-01-01T00:00:${String(id).padStart(2, "0")}Z`,
  ...more,
});

test("transfers begin, move and end, and who has not moved is the same object", () => {
  const first = changedTransfers(NO_TRANSFERS, change({ reset: true, started: [transfer(1), transfer(2)] }), 0);
  const then = changedTransfers(first, change({ started: [transfer(3)], moved: [[2, 50, 25]], ended: [[1, "done"]] }), 0);
  expect([...then.inFlight.keys()]).toEqual([2, 3]);
  expect(then.inFlight.get(2)).toMatchObject({ bytes_done: 50, bytes_per_second: 25, document: "2.pdf" });
  expect(changedTransfers(then, change({ moved: [[3, 1, 1]] }), 0).inFlight.get(2)).toBe(then.inFlight.get(2));
});

test("a new connection's list replaces the old one", () => {
  const first = changedTransfers(NO_TRANSFERS, change({ reset: true, started: [transfer(1)] }), 0);
  expect([...changedTransfers(first, change({ reset: true, started: [transfer(7)] }), 0).inFlight.keys()]).toEqual([7]);
});

test("what moves or ends without having begun here is passed over", () => {
  const after = changedTransfers(NO_TRANSFERS, change({ moved: [[9, 1, 1]], ended: [[9, "failed"]] }), 0);
  expect(after.inFlight.size).toBe(0);
  expect(after.failed).toEqual([]);
});

test("failed transfers are remembered, the latest first, and not without bound", () => {
  let state = NO_TRANSFERS;
  for (let id = 1; id <= 60; id += 1) {
    state = changedTransfers(state, change({ started: [transfer(id)], ended: [[id, id % 2 === 0 ? "failed" : "gone"]] }), id);
  }
  expect(state.failed.map((each) => each.id).slice(0, 3)).toEqual([60, 58, 56]);
  for (let id = 100; id <= 200; id += 1) {
    state = changedTransfers(state, change({ started: [transfer(id)], ended: [[id, "failed"]] }), id);
  }
  expect(state.failed).toHaveLength(50);
});

const wanted: WantedTransfers = { text: "", tenant: "", direction: "", sort: "age", descending: true };
const ids = (found: Transfer[]) => found.map((each) => each.id);

test("the oldest is first, and filters hold together", () => {
  const all = [transfer(2), transfer(1), transfer(3, { tenant: "globex", direction: "upload" })];
  expect(ids(arrangeTransfers(all, wanted))).toEqual([1, 2, 3]);
  expect(ids(arrangeTransfers(all, { ...wanted, tenant: "globex", direction: "copy" }))).toEqual([]);
  expect(ids(arrangeTransfers(all, { ...wanted, text: "GLOBEX/documents/3" }))).toEqual([3]);
});

test("a transfer of unknown length has come no way", () => {
  const open = transfer(1, { bytes_done: 99 });
  delete open.bytes_total;
  expect(ids(arrangeTransfers([open, transfer(2, { bytes_done: 1 })], { ...wanted, sort: "progress" }))).toEqual([2, 1]);
});

test("flows count each direction", () => {
  const found = flows([transfer(1), transfer(2), transfer(3, { direction: "download", bytes_per_second: 7 })]);
  expect(found.copy).toEqual({ transfers: 2, bytes_per_second: 20 });
  expect(found.download).toEqual({ transfers: 1, bytes_per_second: 7 });
  expect(found.verify.transfers).toBe(0);
});
