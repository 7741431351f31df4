import { Console } from "../support/console.ts";
import { expect, look, test } from "../support/test.ts";

test.use({ plan: { tenants: ["acme"], settings: '[agents]\npoll_min = "50ms"\npoll_max = "500ms"\n' } });

test("a server that is lost is told, and found again without a reload", { tag: "@core" }, async ({ page, house, excused }) => {
  // The browser itself tells of a server that does not answer.
  excused.push(/net::ERR_/);
  house.seed("acme", 10, 1000);
  const console = new Console(page, house);
  await console.visit("acme");
  await console.live();
  await console.isIn("sql");
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));

  await house.kill();
  await expect(page.getByText("No connection").first()).toBeVisible();
  await expect(page.getByText(/Server last seen .* ago/)).toBeVisible();
  // What was known stays on the page.
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("acme");
  await console.isIn("sql");
  await look(page, "line-lost");

  await house.start();
  await house.flip("acme", "shadow");
  await console.live();
  await expect(page.getByText("No connection")).toHaveCount(0);
  await console.isIn("shadow");
  await expect(console.part("Figures")).toContainText(/both 100 ?%/);
  expect(await page.evaluate(() => "sameDocument" in window)).toBe(true);
});

test("an action while the server is away says so, and can be repeated", async ({ page, house, excused }) => {
  excused.push(/net::ERR_/);
  const console = new Console(page, house);
  await console.visit("acme");
  await console.live();
  await house.kill();
  await console.button("Pause").click();
  await expect(page.locator(".saying-failed")).toContainText("The server does not answer.");
  await house.start();
  await console.live();
  await console.button("Pause").click();
  await console.said("acme: the agents rest.");
  await expect(console.button("Resume")).toBeVisible();
});
