import { SlowReader } from "../support/client.ts";
import { Console } from "../support/console.ts";
import { expect, look, test } from "../support/test.ts";

test.use({ plan: { tenants: ["acme", "globex"], settings: '[agents]\npoll_min = "50ms"\npoll_max = "500ms"\n' } });

test("what moves is shown while it moves", { tag: "@core" }, async ({ page, house }) => {
  house.seed("acme", 1, 60_000_000);
  house.seed("globex", 1, 20_000_000);
  const console = new Console(page, house);
  await console.open("#/transfers");
  await expect(page.getByText("Nothing is being moved now.")).toBeVisible();
  const slow = new SlowReader(house.document("acme", 1), 600_000);
  const slower = new SlowReader(house.document("globex", 1), 200_000);
  try {
    const row = page.getByRole("row").filter({ hasText: "acme" });
    const bar = row.getByRole("progressbar");
    await expect(row).toContainText("download");
    await expect(row).toContainText("57.2 MiB");
    const done = async () => Number(await bar.getAttribute("aria-valuenow"));
    const first = await done();
    await expect.poll(done).toBeGreaterThan(first);
    await look(page, "transfers");

    await page.getByLabel("Tenant", { exact: true }).selectOption("globex");
    await expect(page.getByRole("row").filter({ hasText: "globex" })).toBeVisible();
    await expect(row).toHaveCount(0);
    await expect(page).toHaveURL(/tenant=globex/);
    await page.getByLabel("Tenant", { exact: true }).selectOption("");
    await expect(row).toBeVisible();
  } finally {
    slow.stop();
    slower.stop();
  }
  // Who hangs up is gone from the list, by itself.
  await expect(page.getByText("Nothing is being moved now.")).toBeVisible();
});

test("copies are held to a limit that is set while they run", async ({ page, house }) => {
  house.seed("acme", 6, 8_000_000);
  const console = new Console(page, house);
  await console.visit("acme");
  await console.limit("Bytes", "1");
  await console.said("acme: the limits are set.");
  await console.flip("acme", "sql", "shadow");
  await console.button("Pause").click();
  await console.said("acme: the agents rest.");
  await console.button("Resume").click();
  await console.said("acme: the agents are at work.");
  await page.getByRole("link", { name: "Its transfers" }).click();
  await expect(page.getByRole("row").filter({ hasText: "copy" }).first()).toContainText("SQL → object store");
  await console.visit("acme");
  await console.limit("Bytes", "");
  await expect(console.part("Figures")).toContainText(/both 100 ?%/);
});
