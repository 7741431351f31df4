// What is seldom seen: a database that is away, agents that rest for all, and two operators at one tenant.
import { Console } from "../support/console.ts";
import { expect, look, test } from "../support/test.ts";

test.use({ plan: { tenants: ["acme", "globex"], settings: '[agents]\npoll_min = "50ms"\npoll_max = "500ms"\n' } });

test("a database that does not answer is told as such, and nothing of it is made up", { tag: "@core" }, async ({ page, house, excused }) => {
  // The tenant's own resources are refused, which the browser tells, too.
  excused.push(/status of 50[0-9]/);
  house.seed("acme", 10, 1000);
  house.seed("globex", 10, 1000);
  await house.flip("acme", "shadow");
  await house.flip("globex", "shadow");
  await house.kill();
  const mend = house.loseDatabase("acme");
  await house.start();

  const console = new Console(page, house);
  await console.open();
  await console.live();
  const row = console.row("acme");
  await expect(row).toContainText("database does not answer");
  await expect(row).toContainText("unknown");
  // Not known is not 0.
  await expect(row).not.toContainText("not counted yet");
  await expect(page.getByText("Without 1 tenant whose database has not answered.")).toBeVisible();
  await expect(row.locator(".cell-documents")).toHaveText(/–$/);
  await expect(row.locator(".cell-backlog")).toHaveText(/–$/);
  await expect(console.row("globex")).toContainText("both 100");
  await expect(console.part("Health of the stores")).toContainText("the databases of 1 of 2 tenants do not answer");
  await look(page, "overview-database-away");

  await console.open("#/problems");
  await expect(console.part("Databases and stores")).toContainText("acme");
  for (const part of ["Quarantined jobs", "Mismatches"]) await expect(console.part(part)).toContainText(/could not be asked.*acme: /);
  await expect(page.getByText(/^No (job|difference) is/)).toHaveCount(0);
  await look(page, "problems-database-away");

  await console.visit("acme");
  await expect(page.getByText("its phase is not known, and nothing can be flipped")).toBeVisible();
  await expect(console.part("Figures")).not.toContainText(/\b0\b/);
  await expect(page.getByRole("button", { name: /^(Go on|Back) to/ })).toHaveCount(0);
  await look(page, "tenant-database-away");

  mend();
  await console.isIn("shadow");
  await expect(console.part("Figures")).toContainText(/both 100 ?%/);
  await expect(page.getByText("database does not answer")).toHaveCount(0);
});

test("a pause of all is seen wherever agents would be at work, and ends", async ({ page, house }) => {
  house.seed("acme", 10, 1000);
  const console = new Console(page, house);
  await console.open("#/installation");
  await console.button("Pause all").click();
  await expect(console.dialog.getByRole("heading", { level: 2 })).toHaveText("Pause the agents for all 2 tenants?");
  await console.dialog.getByRole("button", { name: "Pause all" }).click();
  await console.said("The agents rest for all tenants.");
  await expect(console.button("Resume all")).toBeVisible();
  await look(page, "installation-paused");

  await console.open();
  for (const tenant of ["acme", "globex"]) await expect(console.row(tenant)).toContainText("paused");
  await look(page, "overview-paused");
  await console.visitHere("acme");
  const work = console.part("Agents’ work");
  await expect(work).toContainText("The agents rest for all tenants");
  // One that is paused by itself stays so when all are resumed.
  await work.getByRole("button", { name: "Pause" }).click();
  await console.said("acme: the agents rest.");
  await console.flip("acme", "sql", "shadow");
  await look(page, "tenant-paused");

  await console.open("#/installation");
  await console.button("Resume all").click();
  await console.said(/^The agents are at work again/);
  await console.open();
  await expect(console.row("globex")).not.toContainText("paused");
  await expect(console.row("acme")).toContainText("paused");
  await console.visitHere("acme");
  await expect(work).not.toContainText("The agents rest for all tenants");
  await work.getByRole("button", { name: "Resume" }).click();
  await expect(console.part("Figures")).toContainText(/both 100 ?%/);
});

test("who confirms a flip that somebody else has made meanwhile is told, and asked anew", { tag: "@core" }, async ({ page, house }) => {
  house.seed("acme", 5, 1000);
  await house.flip("acme", "shadow");
  const console = new Console(page, house);
  await console.visit("acme");
  await console.live();
  await console.ask("shadow", "dual");
  // The other one is just ahead: this request is on its way already.
  await page.route("**/tenants/acme/phase", async (route) => {
    const { dry_run } = route.request().postDataJSON() as { dry_run: boolean };
    if (!dry_run) await house.flip("acme", "sql");
    await route.continue();
  });
  const answered = page.waitForResponse((response) => response.status() === 409);
  await console.dialog.getByRole("button", { name: "Go on to dual" }).click();
  expect(await (await answered).json()).toMatchObject({ outcome: "moved" });
  await expect(console.dialog).toContainText("Somebody else has flipped acme meanwhile.");
  await expect(page.locator(".saying-failed")).toContainText("acme does not go to dual");
  // What it shows is the step from where the tenant is now, which a guard forbids.
  await expect(console.dialog.getByRole("heading", { level: 2 })).toHaveText("Move acme from sql on to dual?");
  await expect(console.dialog.getByRole("listitem").filter({ hasText: "One step at a time" })).toContainText("blocks");
  await expect(console.dialog.getByRole("button", { name: "Go on to dual" })).toBeDisabled();
  await look(page, "flip-somebody-else");
  await console.dialog.getByRole("button", { name: "Cancel" }).click();
  await console.isIn("sql");
  expect((await house.seen("acme")).phase).toBe("sql");
});
