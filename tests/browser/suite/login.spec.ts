import type { Page } from "@playwright/test";
import { Console } from "../support/console.ts";
import { expect, look, test } from "../support/test.ts";

const OPERATOR = "operator-of-all";
const OF_ACME = "operator-of-acme";
const READER = "reader-of-all";

test.use({
  plan: {
    tenants: ["acme", "globex"],
    tokens: [
      { name: "olle", token: OPERATOR, tenants: ["*"], rights: ["read", "write", "admin"] },
      { name: "anna", token: OF_ACME, tenants: ["acme"], rights: ["admin"] },
      { name: "app", token: READER, tenants: ["*"], rights: ["read"] },
    ],
  },
});

test.beforeEach(({ excused }) => {
  // Being refused is what is tested; the browser tells of it, too.
  excused.push(/status of 40[13]/);
});

async function enter(page: Page, token: string): Promise<void> {
  await page.getByLabel("Operator’s token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("who has no token that may is refused, and told why", { tag: "@core" }, async ({ page, house }) => {
  const console = new Console(page, house);
  await console.open("#/tenants/acme");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Log in");
  await enter(page, "no such token");
  await expect(page.getByRole("alert")).toContainText("The server does not know this token.");
  await look(page, "login-refused");
  await enter(page, READER);
  await expect(page.getByRole("alert")).toContainText("it may not use the console");
  await expect(page.getByText("acme")).toHaveCount(0);
});

test("an operator logs in, and out; the page keeps nothing", { tag: "@core" }, async ({ page, house }) => {
  const console = new Console(page, house);
  await console.open("#/tenants/acme");
  await enter(page, OPERATOR);
  // Where the address wanted to go.
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("acme");
  await console.live();
  await console.menu.click();
  await expect(page.getByText("all tenants")).toBeVisible();
  await look(page, "menu");
  expect(await page.evaluate((token) => JSON.stringify({ ...localStorage, ...sessionStorage }).includes(token), OPERATOR)).toBe(false);
  expect(await page.context().cookies()).toEqual([]);
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByText("You are logged out.")).toBeVisible();
  await enter(page, OPERATOR);
  await console.live();
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Log in");
});

test("a token of one tenant sees that one alone", { tag: "@core" }, async ({ page, house }) => {
  const console = new Console(page, house);
  await console.open();
  await enter(page, OF_ACME);
  await expect(console.row("acme")).toBeVisible();
  await console.live();
  await expect(page.getByText("globex")).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Installation" })).toHaveCount(0);
  await look(page, "overview-one-tenant");
  await console.visitHere("acme");
  await expect(console.part("Audit")).toBeVisible();
  await console.button("Pause").click();
  await console.said("acme: the agents rest.");
  await expect(console.part("Audit")).toContainText("anna");
  await page.evaluate(() => (location.hash = "#/tenants/globex"));
  await expect(page.getByText(/There is no tenant globex/)).toBeVisible();
  await page.evaluate(() => (location.hash = "#/problems"));
  await expect(page.getByText("No job is quarantined.")).toBeVisible();
});

test("a token that is taken away ends the session", async ({ page, house }) => {
  const console = new Console(page, house);
  await console.open();
  await enter(page, OPERATOR);
  await console.live();
  house.forgetToken("olle");
  await expect(page.getByText("You were logged out")).toBeVisible({ timeout: 60_000 });
});
