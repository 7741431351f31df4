import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { readLines } from "../api/lines";
import type { PlanLine, RestoreFigures, RestoreView } from "../api/types";
import { draftTo, inZone, NO_DRAFT, wishOf } from "./draft";
import { fieldOf, instantOf, inUtc } from "./instant";
import { begunPlan, isRestorable, SHOWN, toldPlan } from "./plan";
import { restoresOf } from "./restores";

beforeAll(() => void vi.stubEnv("TZ", "Europe/Stockholm"));
afterAll(() => void vi.unstubAllEnvs());

const utc = (text: string) => Date.parse(`${text}Z`);

test("a time in the browser's zone is an instant; on the days on which clocks change it may be two, or none", () => {
  expect(instantOf("2026-11-20T13:00", "local")).toEqual({ at: utc("2026-11-20T12:00:00"), comes: "once" });
  expect(instantOf("2026-07-20T13:00:05.25", "local")).toEqual({ at: utc("2026-07-20T11:00:05.250"), comes: "once" });
  expect(instantOf("2026-10-25T02:30", "local")).toEqual({ at: utc("2026-10-25T00:30:00"), comes: "twice" });
  expect(instantOf("2026-10-25T03:00", "local")).toEqual({ at: utc("2026-10-25T02:00:00"), comes: "once" });
  expect(instantOf("2026-03-29T02:30", "local")?.comes).toBe("never");
  expect(instantOf("2026-10-25T02:30", "utc")).toEqual({ at: utc("2026-10-25T02:30:00"), comes: "once" });
  for (const nothing of ["", "2026-11-20", "soon"]) {
    expect(instantOf(nothing, "local"), nothing).toBeUndefined();
  }
});

test("an instant that the server names is in the form to the millisecond, also in the hour that comes twice", () => {
  const first = draftTo(NO_DRAFT, "2026-11-20T11:59:59.999Z", "documents/7");
  expect(first).toEqual({ at: "2026-11-20T12:59:59.999", zone: "local", document: "documents/7", into: "" });
  expect(wishOf("acme", first)).toEqual({ tenant: "acme", at: "2026-11-20T11:59:59.999Z", document: "documents/7" });
  const second = draftTo(NO_DRAFT, "2026-10-25T01:30:00Z", undefined);
  expect(second.zone).toBe("utc");
  expect(wishOf("acme", second)).toEqual({ tenant: "acme", at: "2026-10-25T01:30:00.000Z" });
  // Nor does another zone make another instant of it.
  expect(inZone(second, "local")).toEqual(second);
  expect(inZone(first, "utc").at).toBe("2026-11-20T11:59:59.999");
  expect(inUtc("2026-11-20T11:59:59.999Z")).toBe("2026-11-20 11:59:59.999 UTC");
  expect(inUtc(utc("2026-11-20T12:00:00"))).toBe("2026-11-20 12:00:00 UTC");
  expect(fieldOf(utc("2026-11-20T12:00:00"), "local")).toBe("2026-11-20T13:00:00.000");
});

test("a time that never comes is not asked for", () => {
  expect(wishOf("acme", { ...NO_DRAFT, at: "2026-03-29T02:30" })).toBeUndefined();
  expect(wishOf("acme", NO_DRAFT)).toBeUndefined();
});

const wish = { tenant: "acme", at: "2026-11-20T12:00:00Z" };
const document = (id: number, action: "restore" | "remove" | "stay", more = {}) => ({ collection: "documents", document: String(id), action, bytes: 10, doubtful: false, ...more });

const plan = (...lines: PlanLine[]) => lines.reduce(toldPlan, begunPlan(wish));

test("a plan holds the first documents and counts them all", () => {
  const lines: PlanLine[] = [{ blockers: [] }, ...Array.from({ length: 3 * SHOWN }, (_, id) => ({ document: document(id, id % 3 === 0 ? "remove" : "restore") })), { looked_at: 900 }];
  const made = plan(...lines);
  expect(made).toMatchObject({ is: "under_way", named: 3 * SHOWN, lookedAt: 900, totals: { restored: 2 * SHOWN, restored_bytes: 20 * SHOWN, removed: SHOWN } });
  expect(made.documents.map((each) => each.document)).toEqual(Array.from({ length: SHOWN }, (_, id) => String(id)));
});

test("nothing is restored but by a whole plan, against which nothing speaks, and which comes to something", () => {
  const totals = { restored: 1, restored_bytes: 10, removed: 0, left: 0, doubtful: 0 };
  expect(isRestorable(plan({ blockers: [] }, { document: document(1, "restore") }))).toBe(false);
  expect(isRestorable(plan({ blockers: ["it is still to come"] }, { totals }))).toBe(false);
  expect(isRestorable(plan({ blockers: [] }, { document: document(1, "stay", { doubtful: true }) }, { totals: { ...totals, restored: 0 } }))).toBe(false);
  expect(isRestorable(plan({ blockers: [] }, { document: document(1, "restore") }, { totals }))).toBe(true);
});

test("a plan is read line by line, however it is cut", async () => {
  const bytes = new TextEncoder().encode('{"blockers":[]}\n{"document":{"document":"å"}}\n{"totals":{}}\n');
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      bytes.forEach((_, at) => controller.enqueue(bytes.slice(at, at + 1)));
      controller.close();
    },
  });
  const taken: unknown[] = [];
  await readLines(new Response(body), (line) => taken.push(line));
  expect(taken).toEqual([{ blockers: [] }, { document: { document: "å" } }, { totals: {} }]);
});

test("a line without an end is not held", async () => {
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(300_000).fill(97)) });
  await expect(readLines(new Response(body), () => {})).rejects.toThrow("too long");
});

const figures: RestoreFigures = { looked_at: 5, restored: 2, restored_bytes: 20, removed: 1, doubtful: 0, dealt: 1, marked: 0, barred: 0, failed: 0 };
const part = (number: number, collection: string, more: Partial<RestoreView> = {}): RestoreView => ({
  tenant: "acme",
  number,
  collection,
  instant: "2026-11-20T12:00:00Z",
  started_at: "2026-11-21T12:00:00Z",
  figures,
  undone_by: "2026-11-21T11:59:59.999Z",
  ...more,
});

test("a restore is one of all its collections, and ends with the last of them", () => {
  const [second, first] = restoresOf([
    part(1, "documents", { ended_at: "2026-11-21T12:00:02Z", stopped: "tenant acme is read-only" }),
    part(1, "invoices", { ended_at: "2026-11-21T12:00:01Z", stopped: "tenant acme is read-only" }),
    part(2, "documents", { document: "7", ended_at: "2026-11-21T13:00:00Z" }),
    part(2, "invoices"),
  ]);
  expect(first).toMatchObject({ number: 1, endedAt: "2026-11-21T12:00:02Z", stopped: ["tenant acme is read-only"], figures: { looked_at: 10, restored: 4, restored_bytes: 40, dealt: 2 } });
  expect(second).toMatchObject({ number: 2, endedAt: undefined, document: "documents/7" });
});
