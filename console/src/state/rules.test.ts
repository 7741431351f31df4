import { expect, test } from "vitest";

import { PHASES } from "../api/types";
import { parse } from "./address";
import { changeOf, draftOf } from "./limits";
import { backoff } from "./link";
import { steadied } from "./steady";
import { isTrivial, nextOf, warnings } from "./phases";
import { languageOf } from "../text/language";

test("what is asked again and again waits longer, never twice the same, and never too long", () => {
  expect(backoff(0, 0)).toBe(250);
  expect(backoff(0, 0.999)).toBeLessThanOrEqual(500);
  expect(backoff(3, 0.999)).toBeGreaterThan(3900);
  expect(backoff(50, 0.999)).toBeLessThanOrEqual(15_000);
  expect(backoff(50, 0)).toBe(250);
});

test("steps are undone at once as long as SQL has everything", () => {
  const trivial = PHASES.flatMap((from) => PHASES.filter((to) => to !== from && isTrivial(from, to)).map((to) => `${from}>${to}`));
  expect(trivial).toEqual(["sql>shadow", "sql>dual", "shadow>sql", "shadow>dual", "dual>sql", "dual>shadow"]);
});

test("who flips is warned of what the step costs", () => {
  expect(warnings("dual", "object")).toEqual(["only_in_object"]);
  expect(warnings("object", "sealed")).toEqual(["no_write_back"]);
  expect(warnings("sealed", "sql")).toEqual(["purge_stops", "verify_again", "write_back", "complete_later"]);
  expect(warnings("shadow", "dual")).toEqual([]);
  expect(nextOf("sealed")).toBeUndefined();
});

test("what is held keeps its order, what is gone leaves, what is new comes last", () => {
  expect(steadied(["d", "c", "b", "e"], ["a", "b", "c"], (each) => each)).toEqual(["b", "c", "d", "e"]);
});

test("addresses name a page, a tenant and filters", () => {
  expect(parse("").page).toBe("overview");
  expect(parse("#/tenants/acme-1")).toMatchObject({ page: "tenant", tenant: "acme-1" });
  expect(parse("#/tenants/acme-1/history?document=documents%2F7")).toMatchObject({ page: "history", tenant: "acme-1" });
  expect(parse("#/tenants/acme-1/nothing")).toMatchObject({ page: "unknown", tenant: "" });
  expect(parse("#/transfers?tenant=acme&q=a%20b").parameters.get("q")).toBe("a b");
  expect(parse("#/nothing").page).toBe("unknown");
  expect(parse("#/tenants/%E0%A4%A").tenant).toBe("%E0%A4%A");
});

const limits = { documents_per_second: 200, bytes_per_second: 1_572_864, concurrency: null, paused: false };

test("only what was typed is changed; an empty field lifts a limit", () => {
  const draft = draftOf(limits);
  expect(draft).toEqual({ documents_per_second: "200", mebibytes_per_second: "1.5", concurrency: "" });
  expect(changeOf(limits, draft)).toEqual({});
  expect(changeOf(limits, { ...draft, documents_per_second: "", mebibytes_per_second: "2,5" })).toEqual({ documents_per_second: null, bytes_per_second: 2_621_440 });
});

test("a limit is a figure above zero", () => {
  for (const concurrency of ["0", "-3", "many", "0.2"]) {
    expect(changeOf(limits, { ...draftOf(limits), concurrency })).toBeUndefined();
  }
});

test("the browser's first language that there is", () => {
  expect(languageOf(["de-DE", "sv-FI", "en"])).toBe("sv");
  expect(languageOf(["en-US", "sv"])).toBe("en");
  expect(languageOf(["fi"])).toBe("en");
});
