// A whole migration as an operator makes it, without a look at anything but the console; what is really there is asked of the program.
import { Console } from "../support/console.ts";
import { expect, look, test } from "../support/test.ts";

test.use({ plan: { tenants: ["acme", "globex"], settings: '[agents]\npoll_min = "50ms"\npoll_max = "1s"\n' } });

test("a migration is watched to its end, and goes all the way back", { tag: "@core" }, async ({ page, house }) => {
  test.slow();
  house.seed("acme", 150, 30_000);
  house.seed("globex", 5, 1000);
  const console = new Console(page, house);
  await console.visit("acme");
  await console.isIn("sql");

  await test.step("the agents are slowed down first, so that there is something to see", async () => {
    await console.limit("Documents", "4");
    await console.said("acme: the limits are set.");
    expect(await house.seen("acme")).toMatchObject({ limits: { documents_per_second: 4 } });
  });

  await test.step("shadow: the page tells how far it is, by itself", async () => {
    await console.flip("acme", "sql", "shadow");
    const figures = console.part("Figures");
    await expect(figures).toContainText(/both [1-9]\d? ?%/);
    await expect(figures).toContainText(/\d+ documents, .* remain/);
    await expect(figures.getByText(/\d\/s/).first()).toBeVisible();
    await look(page, "tenant-moving");
    await console.limit("Documents", "");
    await expect(figures).toContainText(/both 100 ?%/);
    const { held_by } = await house.settled("acme");
    expect(held_by).toMatchObject({ sql: { documents: 0 }, both: { documents: 150 }, object: { documents: 0 } });
  });

  await test.step("a sweep", async () => {
    await console.button("Sweep").click();
    await console.said("acme: every document will be looked at.");
    await house.settled("acme");
  });

  await test.step("dual, and back to shadow and there again", async () => {
    await console.flip("acme", "shadow", "dual");
    await console.flip("acme", "dual", "shadow");
    await console.flip("acme", "shadow", "dual");
  });

  await test.step("object is asked for by the tenant's name", async () => {
    await console.ask("dual", "object");
    await expect(console.dialog.getByRole("heading", { level: 2 })).toHaveText("Move acme from dual on to object?");
    await expect(console.dialog).toContainText("From now on new content lies in the object store alone.");
    const confirm = console.dialog.getByRole("button", { name: "Go on to object" });
    const typed = console.dialog.getByLabel("Type acme to confirm");
    await typed.fill("globex");
    await expect(confirm).toBeDisabled();
    await look(page, "flip-to-object");
    await page.keyboard.press("Escape");
    await expect(console.dialog).toBeHidden();
    expect((await house.seen("acme")).phase).toBe("dual");
    await console.flip("acme", "dual", "object");
    expect((await house.seen("acme")).phase).toBe("object");
  });

  await test.step("verified, sealed and purged", async () => {
    await console.button("Verify").click();
    await console.said(/acme: verification \d+ has begun/);
    await expect(console.part("Verification").getByRole("row", { name: /documents/ })).toContainText("150");
    await expect(console.part("Verification")).toContainText("No difference is open.");
    await console.flip("acme", "object", "sealed");
    const purge = console.part("Purge");
    await purge.getByRole("button", { name: "Dry run" }).click();
    await expect(purge.getByRole("row", { name: /dry run/ })).toContainText("150");
    await purge.getByRole("button", { name: "Purge…" }).click();
    await console.confirm("acme", "Purge");
    await expect(console.part("Figures")).toContainText(/object 100 ?%/);
    await look(page, "tenant-sealed");
  });

  await test.step("all the way back", async () => {
    await console.flip("acme", "sealed", "sql");
    await expect(console.part("Figures")).toContainText("sql is complete");
    const { held_by } = await house.settled("acme");
    expect(held_by).toMatchObject({ object: { documents: 0 } });
    expect(house.sql("acme", "SELECT count(*) FROM documents WHERE length(content) = 30000;").trim()).toBe("150");
  });

  await test.step("the audit has it all", async () => {
    const audit = console.part("Audit");
    for (const action of ["flip", "limits", "sweep", "verify", "purge"]) {
      await expect(audit.getByRole("cell", { name: new RegExp(action) }).first()).toBeVisible();
    }
    await look(page, "tenant-back");
  });
});

test("a guard that blocks is shown, and nothing is flipped", { tag: "@core" }, async ({ page, house }) => {
  house.seed("acme", 20, 1000);
  const console = new Console(page, house);
  await console.visit("acme");
  await console.button("Pause").click();
  await console.said("acme: the agents rest.");
  await console.flip("acme", "sql", "shadow");
  await console.flip("acme", "shadow", "dual");
  await expect(console.part("Next step: dual to object")).toContainText("blocked");
  await console.ask("dual", "object");
  await expect(console.dialog.getByRole("listitem").filter({ hasText: "Compared sample" })).toContainText("blocks");
  await expect(console.dialog.getByRole("listitem").filter({ hasText: "Probe of the object store" })).toContainText("passes");
  await expect(console.dialog.getByRole("button", { name: "Go on to object" })).toBeDisabled();
  await look(page, "flip-blocked");
  await console.dialog.getByRole("button", { name: "Cancel" }).click();
  expect((await house.seen("acme")).phase).toBe("dual");
});
