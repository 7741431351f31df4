import { expect, test } from "vitest";

import { DIRECTIONS, PHASES, PROBLEM_KINDS } from "../api/types";
import { en } from "./en";
import { formats } from "./format";
import { sv } from "./sv";

/** Every text with its path; functions are called with stand-ins, so that they have to use what they are told. */
function texts(catalogue: object, path = ""): [string, string][] {
  return Object.entries(catalogue).flatMap(([key, value]): [string, string][] => {
    const here = `${path}${key}`;
    if (typeof value === "function") {
      const told = Array.from({ length: value.length }, (_, index) => (/^(n|number)/.test(argument(value, index)) ? 2 : `‹${index}›`));
      return [[here, String((value as (...told: unknown[]) => string)(...told))]];
    }
    return typeof value === "object" && value !== null ? texts(value, `${here}.`) : [[here, String(value)]];
  });
}

const argument = (of: (...told: never[]) => unknown, index: number) => /\(([^)]*)\)/.exec(of.toString())?.[1]?.split(",")[index]?.trim() ?? "";

const english = texts(en);
const swedish = new Map(texts(sv));

test("both languages have the same texts, and none is empty but for nobody", () => {
  expect([...swedish.keys()].toSorted()).toEqual(english.map(([path]) => path).toSorted());
  for (const [path, text] of [...english, ...swedish]) {
    expect(text.trim() === "", path).toBe(path.endsWith(".nobody"));
    expect(text, path).not.toContain("undefined");
  }
});

test("a sentence is translated, not copied", () => {
  const same = english.filter(([path, text]) => text.split(" ").length > 2 && swedish.get(path) === text);
  expect(same).toEqual([]);
});

test("what the server may name has a name", () => {
  for (const catalogue of [en, sv]) {
    expect(Object.keys(catalogue.phase.name)).toEqual([...PHASES]);
    expect(Object.keys(catalogue.problems.kind)).toEqual([...PROBLEM_KINDS]);
    expect(Object.keys(catalogue.transfers.directions)).toEqual([...DIRECTIONS]);
  }
});

const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, " ");

test("sizes are in powers of two, with the language's own decimals", () => {
  const [e, s] = [formats("en"), formats("sv")];
  expect([0, 1023, 1024, 1536, 200 * 1024 ** 3, 1.5 * 1024 ** 4].map((size) => plain(e.bytes(size)))).toEqual(["0 B", "1,023 B", "1.0 KiB", "1.5 KiB", "200 GiB", "1.5 TiB"]);
  expect(plain(s.bytes(1536))).toBe("1,5 KiB");
  expect(plain(s.number(1_234_567))).toBe("1 234 567");
});

test("a little is not nothing, and almost all is not all", () => {
  const { percent } = formats("en");
  expect([0, 0.00001, 0.004, 0.5, 0.9999, 1].map(percent)).toEqual(["0%", "0.1%", "0.4%", "50%", "99.9%", "100%"]);
});

test("durations are told in their two largest units", () => {
  const { duration, latency } = formats("en");
  expect([0, 59, 61, 1800, 3700, 90_000, 9_000_000].map((seconds) => plain(duration(seconds)))).toEqual(["0 s", "59 s", "1 min 1 s", "30 min", "1 h 1 min", "1 d 1 h", "104 d"]);
  expect([0.0004, 0.0123, 1.25, 42].map((seconds) => plain(latency(seconds)))).toEqual(["0.4 ms", "12 ms", "1.3 s", "42 s"]);
});
