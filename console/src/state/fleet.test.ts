import { expect, test } from "vitest";

import type { FleetEvent, Summary, TenantView } from "../api/types";
import { changedFleet, flippedFleet, wholeFleet } from "./fleet";
import { arrange, countPhases, latestHeld, moved, shares, unanswered, type Wanted } from "./summaries";
import { summary } from "./summary.fixture";

const totals = { documents: 0, bytes: 0, held_by: {}, backlog: 0, quarantined: 0, problems: 0 };
const fleet = (...tenants: Summary[]): FleetEvent => ({ at: "2026-01-01T00:00:00Z", all_paused: false, tenants, removed: [], stores: [], totals });

test("a change replaces what it names, removes what is gone, and leaves the others the same objects", () => {
  const before = wholeFleet(fleet(summary("a"), summary("b"), summary("c")));
  const after = changedFleet(before, { at: "2026-01-01T00:00:01Z", all_paused: true, tenants: [summary("b", { backlog: 7 })], removed: ["c"], totals });
  expect([...after.tenants.keys()]).toEqual(["a", "b"]);
  expect(after.tenants.get("b")?.backlog).toBe(7);
  expect(after.tenants.get("a")).toBe(before.tenants.get("a"));
  expect(after.all_paused).toBe(true);
  expect(after.totals).toBe(before.totals);
});

test("a change that names no tenant keeps the map, so that nothing is sorted anew", () => {
  const before = wholeFleet(fleet(summary("a")));
  expect(changedFleet(before, { at: "2026-01-01T00:00:01Z", all_paused: false, tenants: [], removed: [], totals }).tenants).toBe(before.tenants);
});

test("a new connection forgets tenants that are gone, and keeps the course of the rates", () => {
  const before = wholeFleet(fleet(summary("a", { documents_per_second: 3 }), summary("b", { documents_per_second: 4 })));
  const after = wholeFleet(fleet(summary("a", { documents_per_second: 5 })), before);
  expect([...after.tenants.keys()]).toEqual(["a"]);
  expect(after.rates.map((point) => point.documents)).toEqual([7, 5]);
});

test("a flip is shown before the tenant's next figures, and one of an unknown tenant changes nothing", () => {
  const before = wholeFleet(fleet(summary("a")));
  expect(flippedFleet(before, "a", "dual").tenants.get("a")?.phase).toBe("dual");
  expect(flippedFleet(before, "b", "dual")).toBe(before);
});

test("shares are of the whole, and of nothing there are none", () => {
  const held = { sql: { documents: 1, bytes: 30 }, both: { documents: 2, bytes: 10 }, object: { documents: 1, bytes: 0 } };
  expect(shares(held, "documents")).toEqual({ total: 4, sql: 0.25, both: 0.5, object: 0.25 });
  expect(moved(held)).toBe(0.75);
  expect(shares({}, "bytes")).toEqual({ total: 0, sql: 0, both: 0, object: 0 });
});

const wanted: Wanted = { text: "", phase: "", onlyProblems: false, sort: "tenant", descending: false };
const names = (found: Summary[]) => found.map((each) => each.tenant);

test("tenants are filtered by name, phase and problems together", () => {
  const all = [summary("acme"), summary("acme-2", { problems: [{ kind: "paused", text: "" }] }), summary("globex", { phase: "dual" })];
  expect(names(arrange(all, { ...wanted, text: " ACME " }))).toEqual(["acme", "acme-2"]);
  expect(names(arrange(all, { ...wanted, text: "acme", onlyProblems: true }))).toEqual(["acme-2"]);
  expect(names(arrange(all, { ...wanted, phase: "dual" }))).toEqual(["globex"]);
});

test("who stands still comes after everybody who gets somewhere, and equals are by name both ways", () => {
  const all = [summary("c", { remaining_documents: 9 }), summary("b", { eta_seconds: 60, remaining_documents: 9 }), summary("a", { remaining_documents: 9 }), summary("d")];
  expect(names(arrange(all, { ...wanted, sort: "eta" }))).toEqual(["d", "b", "a", "c"]);
  expect(names(arrange(all, { ...wanted, sort: "eta", descending: true }))).toEqual(["a", "c", "b", "d"]);
});

test("phases sort as the ladder goes, an unknown one first", () => {
  const all = [summary("a", { phase: "sealed" }), summary("b", { phase: "sql" }), summary("c", { phase: "object" })];
  const unknown = summary("d");
  delete unknown.phase;
  expect(names(arrange([...all, unknown], { ...wanted, sort: "phase" }))).toEqual(["d", "b", "c", "a"]);
  expect(countPhases([...all, unknown])).toEqual({ sql: 1, shadow: 0, dual: 0, object: 1, sealed: 1, unknown: 1 });
});

test("who could not be asked is named with why", () => {
  const away = summary("acme", { problems: [{ kind: "database", text: "its database does not answer: gone" }, { kind: "paused", text: "the agents rest" }] });
  expect(unanswered([away, summary("globex")])).toEqual(["acme: its database does not answer: gone"]);
});

test("of two looks at a tenant the later one tells who holds what", () => {
  const seen = summary("acme", { held_by: { both: { documents: 10, bytes: 10 } }, refreshed_at: "2026-01-01T00:00:05Z" });
  const view = { held_by: { object: { documents: 10, bytes: 10 } }, counted_at: "2026-01-01T00:00:00Z" } as TenantView;
  expect(latestHeld(seen, view, Date.parse("2026-01-01T00:00:06Z"))).toEqual({ held: view.held_by, countedAt: view.counted_at });
  expect(latestHeld(seen, view, Date.parse("2026-01-01T00:00:04Z")).held).toBe(seen.held_by);
  expect(latestHeld(seen, undefined, Date.parse("2026-01-01T00:00:06Z")).held).toBe(seen.held_by);
});
