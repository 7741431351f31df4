// What a tenant's documents were, and the ways back to it.
import type { Page } from "@playwright/test";
import { Console } from "../support/console.ts";
import type { House } from "../support/house.ts";
import { expect, look, test } from "../support/test.ts";

const ZONE = "Europe/Stockholm";

test.use({
  plan: { tenants: ["acme", "globex"], backups: ["acme"], settings: '[agents]\npoll_min = "50ms"\npoll_max = "500ms"\n' },
  timezoneId: ZONE,
});

/** A moment between what was before and what comes now, as databases tell time. */
async function instant(page: Page): Promise<Date> {
  await page.waitForTimeout(50);
  const now = new Date();
  await page.waitForTimeout(50);
  return now;
}

/** As the field for date and time has it, in the browser's zone. */
const here = (at: Date) => `${at.toLocaleString("sv-SE", { timeZone: ZONE }).replace(" ", "T")}.${String(at.getMilliseconds()).padStart(3, "0")}`;

const bytes = async (house: House, id: number) => Buffer.from(await (await fetch(house.document("acme", id))).arrayBuffer()).toString("base64");

async function write(house: House, id: number, body: string): Promise<void> {
  const headers = { "content-type": "text/plain", "content-disposition": `attachment; filename="note-${id}.txt"` };
  expect((await fetch(house.document("acme", id), { method: "PUT", body, headers })).ok).toBe(true);
}

test("documents that were overwritten come back by the tenant's name, and that is undone", { tag: "@core" }, async ({ page, house }) => {
  house.seed("acme", 30, 3000);
  await house.flip("acme", "shadow");
  const before = [await bytes(house, 1), await bytes(house, 25)];
  const then = await instant(page);
  for (let id = 1; id <= 24; id += 1) await write(house, id, `anew ${id}`);
  await fetch(house.document("acme", 25), { method: "DELETE" });
  await write(house, 900, "made later");
  await house.admin("/admin/v1/tenants/acme/limits", { method: "PUT", body: { documents_per_second: 8 } });

  const console = new Console(page, house);
  await console.visit("acme");
  await page.getByRole("link", { name: "History, restores, backups" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("acme: history and backups");
  const form = console.part("Back to an instant");
  const restores = console.part("Restores");
  const restore = form.getByRole("button", { name: "Restore…" });

  await test.step("the plan says what would become of each, and changes nothing", async () => {
    await form.getByLabel("Instant", { exact: true }).fill(here(then));
    await expect(form).toContainText(`That is ${then.toISOString().replace("T", " ").replace("Z", " UTC")}`);
    await expect(restore).toBeDisabled();
    await form.getByRole("button", { name: "Plan" }).click();
    await expect(form).toContainText("The plan is whole.");
    await expect(form).toContainText("25 documents get back a content");
    await expect(form).toContainText("1 had no content then, and loses what it has.");
    await expect(form.getByRole("row", { name: /^documents\/900/ })).toContainText("loses its content");
    await expect(form.getByRole("row", { name: /^documents\/25/ })).toContainText("gets back a content");
    expect(await bytes(house, 1)).not.toBe(before[0]);
    await look(page, "history-planned");
  });

  await test.step("another instant wants another plan", async () => {
    await form.getByLabel("Only one document").fill("documents/1");
    await expect(restore).toBeDisabled();
    await form.getByLabel("Only one document").fill("");
    await form.getByRole("button", { name: "Plan" }).click();
    await expect(restore).toBeEnabled();
  });

  await test.step("it is asked for by the tenant's name, and watched to its end", async () => {
    await restore.click();
    await expect(console.dialog.getByRole("heading", { level: 2 })).toHaveText("Restore acme?");
    await console.dialog.getByLabel("Type acme to confirm").fill("globex");
    await expect(console.dialog.getByRole("button", { name: "Restore", exact: true })).toBeDisabled();
    await look(page, "restore-ask");
    await console.confirm("acme", "Restore");
    await console.said("acme: restore 1 has begun.");
    await expect(restores.getByRole("heading", { level: 2 })).toBeFocused();
    await expect(restores.getByRole("progressbar", { name: "Restore 1 is under way" })).toBeVisible();
    await house.admin("/admin/v1/tenants/acme/limits", { method: "PUT", body: { documents_per_second: null } });
    await expect(restores.getByRole("progressbar")).toHaveCount(0);
    await expect(restores.getByRole("row", { name: /^1 / })).toContainText("all documents");
    expect([await bytes(house, 1), await bytes(house, 25)]).toEqual(before);
    expect((await fetch(house.document("acme", 900))).status).toBe(404);
  });

  await test.step("its undoing is planned at once, and cancelled while it is under way", async () => {
    await house.admin("/admin/v1/tenants/acme/limits", { method: "PUT", body: { documents_per_second: 4 } });
    await restores.getByRole("button", { name: "Undo restore 1" }).click();
    await expect(form.getByRole("heading", { level: 2 })).toBeFocused();
    await expect(form).toContainText("25 documents get back a content");
    await restore.click();
    await console.confirm("acme", "Restore");
    await restores.getByRole("button", { name: "Cancel restore…" }).click();
    await expect(console.dialog.getByRole("heading", { level: 2 })).toHaveText("Cancel restore 2?");
    await console.confirm("acme", "Cancel restore");
    await console.said("acme: restore 2 is being cancelled.");
    await expect(restores.getByRole("row", { name: /^2 / })).toContainText("cancelled by an operator");
    await expect(restores.getByRole("progressbar")).toHaveCount(0);
    await house.admin("/admin/v1/tenants/acme/limits", { method: "PUT", body: { documents_per_second: null } });
  });

  await test.step("what it has not done another one does", async () => {
    await restores.getByRole("button", { name: "Undo restore 1" }).click();
    await expect(form).toContainText("The plan is whole.");
    await restore.click();
    await console.confirm("acme", "Restore");
    await expect(restores.getByRole("button", { name: "Undo restore 3" })).toBeVisible();
    expect(Buffer.from(await bytes(house, 24), "base64").toString()).toBe("anew 24");
    expect((await fetch(house.document("acme", 900))).status).toBe(200);
    expect((await fetch(house.document("acme", 25))).status).toBe(404);
  });
});

test("what a document was is listed, and one of it is restored; and backups are made and drilled", { tag: "@core" }, async ({ page, house }) => {
  house.seed("acme", 2, 3000);
  await house.flip("acme", "shadow");
  const first = await bytes(house, 1);
  for (const body of ["the second", "the third"]) await write(house, 1, body);
  await house.settled("acme");

  const console = new Console(page, house);
  await console.open("#/tenants/acme/history");
  const history = console.part("A document’s history");
  const versions = history.getByRole("table").getByRole("row");
  await expect(console.part("History")).toContainText(/Earlier contents kept\s*2/);

  await test.step("whose history is in the address", async () => {
    await history.getByLabel("Document").fill("documents/1");
    await history.getByRole("button", { name: "Show" }).click();
    await expect(page).toHaveURL(/history\?document=documents%2F1$/);
    await expect(versions).toHaveCount(3);
    // A program wrote the first one straight to SQL.
    await expect(versions.nth(2)).toContainText("or before: a copy found it then");
    await expect(versions.nth(2)).toContainText("drawing-1.pdf");
    await expect(versions.nth(1)).toContainText("note-1.txt");
    await expect(versions.nth(1)).not.toContainText("or before");
  });

  await test.step("the first one is restored", async () => {
    await versions.nth(2).getByRole("button", { name: /^Restore / }).click();
    const form = console.part("Back to an instant");
    await expect(form.getByLabel("Only one document")).toHaveValue("documents/1");
    await form.getByRole("button", { name: "Restore…" }).click();
    await expect(console.dialog.getByRole("heading", { level: 2 })).toHaveText("Restore documents/1?");
    await console.confirm("acme", "Restore");
    // What it ended is part of the history now.
    await expect(versions).toHaveCount(4);
    expect(await bytes(house, 1)).toBe(first);
  });

  await test.step("a backup", async () => {
    const backups = console.part("Backups");
    await expect(backups).toContainText("none yet");
    await backups.getByRole("button", { name: "Back up now" }).click();
    await console.said("acme: backup 1 has begun.");
    const manifest = backups.getByRole("table", { name: "Kept manifests" }).getByRole("row", { name: /^1 / });
    await expect(manifest).toContainText(/base\s*2/);
    await expect(backups.getByRole("table", { name: "Runs" }).getByRole("row", { name: /^1 / })).toContainText("kept");
    await expect(backups).toContainText(/Last that succeeded\s*\d+\ss ago/);
  });

  await test.step("drills show that it can be restored, and name what cannot", async () => {
    const drills = console.part("Drills");
    const row = drills.getByRole("table", { name: "Evidence" }).getByRole("row");
    await expect(drills).toContainText("There is no evidence of a drill yet.");
    await drills.getByRole("button", { name: "Drill a sample" }).click();
    await console.said("acme: a drill has begun.");
    await expect(row.nth(1)).toContainText(/passed.*a sample\D*2/);
    await expect(drills).toContainText(/Last that passed\s*\d+\ss ago/);
    house.damageCopies("acme");
    await drills.getByRole("button", { name: "Drill all documents…" }).click();
    await console.confirm("acme", "Drill all");
    await expect(row.nth(1)).toContainText(/failed.*all documents/);
    await row.nth(1).getByText(/named$/).click();
    await expect(row.nth(1)).toContainText("documents/1");
    await look(page, "history");
  });

  await test.step("a tenant without backups says so", async () => {
    await console.open("#/tenants/globex/history");
    await expect(console.part("Backups")).toContainText("This tenant has no [backup] in its file");
    await expect(console.button("Back up now")).toHaveCount(0);
    await expect(console.part("Drills")).toContainText("names no folder as evidence");
    await expect(console.button("Drill a sample")).toHaveCount(0);
  });
});
