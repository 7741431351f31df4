// The test with its house and its page. Whatever the page says that it should not fails the test that made it say so.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test as base, expect, type Page } from "@playwright/test";
import { House, type Plan } from "./house.ts";

export { expect };

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENSHOTS = join(import.meta.dirname, "../../../target/screenshots");
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };

interface Fixtures {
  plan: Plan;
  house: House;
  /** What the browser may complain of in this test, as its console says it. */
  excused: RegExp[];
}

export const test = base.extend<Fixtures>({
  plan: [{ tenants: ["acme"] }, { option: true }],
  // That a guard blocks is 409 in HTTP, which the browser's own log calls a failure.
  excused: async ({}, use) => use([/status of 409 \(Conflict\) \(.*\/phase\)$/]),
  house: async ({ plan }, use, info) => {
    const house = await House.open(plan);
    await use(house);
    if (info.status !== info.expectedStatus) await info.attach("sluss.log", { body: house.log(), contentType: "text/plain" });
    await house.close();
  },
  page: async ({ page, house, excused }, use) => {
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      const said = `${message.type()}: ${message.text()} (${message.location().url})`;
      if (!excused.some((excuse) => excuse.test(said))) complaints.push(said);
    });
    page.on("pageerror", (error) => complaints.push(`thrown: ${error.stack ?? error.message}`));
    page.on("request", (request) => {
      const asked = request.url();
      if (!asked.startsWith(house.origin) && !asked.startsWith("data:")) complaints.push(`asked for ${asked}`);
    });
    await use(page);
    expect(complaints, "what the browser complained of").toEqual([]);
  },
});

/** What axe finds on the page as it is, for the levels A and AA and its best practices. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run();
    return violations.flatMap((rule) =>
      rule.nodes.map((node) => `${rule.id} (${rule.impact}): ${node.target.join(" ")}: ${node.failureSummary}`),
    );
  });
}

/** The page in both themes and both widths: each picture is kept, axe finds nothing, and nothing reaches over the side. */
export async function look(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  for (const [width, size] of [
    ["wide", WIDE],
    ["narrow", NARROW],
  ] as const) {
    await page.setViewportSize(size);
    await page.evaluate(() => scrollTo(0, 0));
    for (const theme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${theme}-${width}.png`), fullPage: true });
      expect.soft(await findings(page), `axe on ${name}, ${theme}, ${width}`).toEqual([]);
    }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect.soft(over, `${name} reaches over the side at ${size.width} pixels`).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: null });
}
