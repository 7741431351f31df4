// The console's types are written by hand; here they are held against what the program says of its own API.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import { expect, test } from "../support/test.ts";

const HERE = join(import.meta.dirname, "..");
const TOLD = join(HERE, "../../target/browser");

test("the console's types are the API's", { tag: "@core" }, async ({ house }) => {
  const described = (await (await fetch(`${house.origin}/openapi.json`)).json()) as OpenAPI3;
  mkdirSync(TOLD, { recursive: true });
  writeFileSync(join(TOLD, "told.d.ts"), astToString(await openapiTS(described)));
  expect(tsc()).toBe("");
});

/** What the compiler complains of. */
function tsc(): string {
  try {
    return execFileSync(join(HERE, "node_modules/.bin/tsc"), ["-p", "types"], { cwd: HERE, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
