// Every page, with a fleet in all phases on it.
import { Console } from "../support/console.ts";
import { expect, look, test } from "../support/test.ts";

const TENANTS = ["acme", "globex", "hooli", "initech", "soylent", "umbrella", "vandelay"];

test.use({ plan: { tenants: TENANTS, settings: '[agents]\npoll_min = "50ms"\npoll_max = "500ms"\n' } });

test("the pages", { tag: "@core" }, async ({ page, house }) => {
  test.slow();
  for (const [index, tenant] of TENANTS.entries()) house.seed(tenant, 40 + index * 25, 4000 + index * 3000);
  await house.flip("globex", "shadow");
  await house.flip("hooli", "shadow", "dual");
  await house.flip("initech", "shadow", "dual", "object");
  await house.flip("soylent", "shadow", "dual", "object");
  for (let id = 1; id <= 10; id += 1) await fetch(house.document("soylent", id), { method: "PUT", body: "anew ".repeat(900) });
  for (const tenant of ["acme", "umbrella", "vandelay"]) {
    await house.admin(`/admin/v1/tenants/${tenant}/sweep`, { method: "POST" });
    await house.settled(tenant);
  }
  await house.admin("/admin/v1/tenants/umbrella/read_only", { method: "POST", body: { on: true } });
  await house.admin("/admin/v1/tenants/vandelay/pause", { method: "POST" });
  const console = new Console(page, house);

  await console.open();
  await console.live();
  for (const tenant of TENANTS) await expect(console.row(tenant)).toContainText(/(SQL|both) \d/);
  await expect(console.row("umbrella")).toContainText("read-only");
  await expect(console.row("vandelay")).toContainText("paused");
  await look(page, "overview");

  await page.getByRole("columnheader", { name: "Documents" }).getByRole("button").click();
  await expect(page.getByRole("table", { name: "Tenants" }).getByRole("row").nth(1)).toContainText("vandelay");
  await page.getByLabel("Filter by name").fill("oo");
  await expect(page.getByRole("table", { name: "Tenants" }).getByRole("row")).toHaveCount(2);
  await page.getByLabel("Filter by name").fill("");
  await page.getByLabel("Phase", { exact: true }).selectOption("object");
  await expect(page.getByText("2 of 7 shown")).toBeVisible();

  for (const name of ["Transfers", "Problems", "Installation"]) {
    await page.getByRole("navigation").getByRole("link", { name }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
    await look(page, `page-${name.toLowerCase()}`);
  }
  await console.visit("soylent");
  await expect(console.part("Traffic")).toBeVisible();
  await look(page, "tenant");
});

test("the console in Swedish, by keyboard alone", { tag: "@core" }, async ({ page, house }) => {
  const console = new Console(page, house);
  await console.open();
  await console.live();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await console.menu.press("Enter");
  await page.getByLabel("Language").selectOption("sv");
  await expect(page.locator("html")).toHaveAttribute("lang", "sv");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("link", { name: "Översikt" })).toBeVisible();
  await look(page, "overview-swedish");
  // A choice of language and theme holds over a reload; it is no secret.
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "sv");
});

test("an address that leads nowhere says so", async ({ page, house }) => {
  const console = new Console(page, house);
  await console.open("#/nowhere");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("There is no such page");
  await look(page, "page-unknown");
  await console.open("#/tenants/nobody");
  await expect(page.getByText(/There is no tenant nobody/)).toBeVisible();
});

test("a chosen theme holds against the system's", async ({ page, house }) => {
  const console = new Console(page, house);
  await page.emulateMedia({ colorScheme: "dark" });
  await console.open();
  await console.live();
  const ink = () => page.evaluate(() => getComputedStyle(document.body).color);
  const dark = await ink();
  await console.menu.click();
  await page.getByLabel("Theme").selectOption("light");
  expect(await ink()).not.toBe(dark);
  await page.reload();
  await console.live();
  expect(await ink()).not.toBe(dark);
});
