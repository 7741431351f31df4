// How much of its main thread each page takes while 500 tenants move and 1,000 transfers are in flight: a figure, not a verdict.
import { join } from "node:path";
import { test } from "@playwright/test";
import { Replay } from "../support/stream.ts";

const DIST = join(import.meta.dirname, "../../../console/dist");
const SECONDS = 20;

for (const [name, address] of [
  ["overview", ""],
  ["transfers", "#/transfers"],
  ["problems", "#/problems"],
  ["tenant", "#/tenants/"],
] as const) {
  test(`main thread: ${name}`, { tag: "@bench" }, async ({ page }) => {
    const replay = await Replay.open(DIST, 500, 1000, process.env.SLUSS_RECORDING);
    await page.goto(replay.console + (name === "tenant" ? address + replay.tenant : address));
    await page.locator("[data-link=live]").waitFor();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    const busy = async () => {
      const { metrics } = await devtools.send("Performance.getMetrics");
      const seconds = (metric: string) => metrics.find((known) => known.name === metric)?.value ?? 0;
      return {
        task: seconds("TaskDuration"),
        script: seconds("ScriptDuration"),
        layout: seconds("LayoutDuration") + seconds("RecalcStyleDuration"),
        heap: seconds("JSHeapUsedSize"),
      };
    };
    // What the page's beginning takes is another matter.
    await page.waitForTimeout(2000);
    const before = await busy();
    await page.waitForTimeout(SECONDS * 1000);
    const after = await busy();
    const each = (from: number, to: number) => `${(((to - from) / SECONDS) * 1000).toFixed(0)} ms`;
    console.log(
      `${name}: the main thread works ${each(before.task, after.task)} a second, of it script ${each(before.script, after.script)}, ` +
        `style and layout ${each(before.layout, after.layout)}; heap ${(after.heap / 2 ** 20).toFixed(0)} MiB`,
    );
    await replay.close();
  });
}
