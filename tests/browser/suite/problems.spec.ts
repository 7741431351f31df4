import { rmSync, truncateSync } from "node:fs";
import { Console } from "../support/console.ts";
import { expect, look, test } from "../support/test.ts";

test.use({
  plan: {
    tenants: ["acme", "globex"],
    settings: '[agents]\npoll_min = "50ms"\npoll_max = "500ms"\nretry_base = "50ms"\nretry_budget = 2\n',
  },
});

test("quarantined jobs tell why, and are tried again one by one and all at once", { tag: "@core" }, async ({ page, house }) => {
  house.seed("acme", 4, 5000);
  await house.flip("acme", "shadow");
  const mend = house.breakObjects("acme");
  house.seed("acme", 3, 5000, 100);
  await house.admin("/admin/v1/tenants/acme/sweep", { method: "POST" });

  const console = new Console(page, house);
  await console.open("#/problems");
  const jobs = console.part("Quarantined jobs");
  const copies = jobs.getByRole("listitem").filter({ hasText: "copies" });
  await expect(copies.first()).toContainText("Not a directory");
  await copies.first().getByRole("button", { name: "Show jobs" }).click();
  await expect(
    copies
      .first()
      .getByRole("row", { name: /acme\/documents\/10/ })
      .first(),
  ).toContainText("2");
  await look(page, "problems-quarantined");

  mend();
  await copies
    .first()
    .getByRole("button", { name: /^Retry job acme:/ })
    .first()
    .click();
  await console.said(/^Job acme:\d+ is tried again\.$/);
  await jobs.getByRole("button", { name: /^Retry all copies/ }).click();
  await expect(console.dialog).toContainText("copies");
  await console.dialog.getByRole("button", { name: "Retry", exact: true }).click();
  await expect(console.dialog).toBeHidden();
  await expect(jobs.getByRole("listitem").filter({ hasText: "copies" })).toHaveCount(0);
  await expect.poll(async () => (await house.seen("acme")).held_by["both"]?.documents).toBe(7);
});

test("what differs is listed with what each side says", async ({ page, house }) => {
  house.seed("acme", 6, 5000);
  await house.flip("acme", "shadow");
  const [broken = "", missing = ""] = house.objects("acme");
  truncateSync(broken, 4000);
  rmSync(missing);
  await house.admin("/admin/v1/tenants/acme/verify", { method: "POST", body: {} });

  const console = new Console(page, house);
  await console.open();
  await expect(console.row("acme")).toContainText("differences");
  await console.open("#/problems?tenant=acme");
  const differences = console.part("Mismatches");
  await expect(differences).toContainText("the object is missing");
  await differences.getByText("Compare").first().click();
  await expect(differences).toContainText("SHA-256");
  await look(page, "problems-mismatches");
  // On the tenant's page it stops the way on, and repairing ends it.
  await console.visit("acme");
  await expect(console.part("Verification")).toContainText("2 differences are open");
  await console.button("Verify and repair…").click();
  await console.confirm("acme", "Verify and repair");
  await expect(console.part("Verification")).toContainText("No difference is open.", { timeout: 60_000 });
});

test("a write around the gateway is told", async ({ page, house }) => {
  house.seed("acme", 3, 5000);
  await house.flip("acme", "shadow", "dual", "object");
  const put = await fetch(house.document("acme", 1), { method: "PUT", body: "by the gateway" });
  expect(put.ok).toBe(true);
  house.sql("acme", "UPDATE documents SET content = CAST('around it' AS BLOB) WHERE id = 1;");
  await house.admin("/admin/v1/tenants/acme/sweep", { method: "POST" });
  const console = new Console(page, house);
  await console.open("#/problems");
  await expect(console.part("Writes around the gateway")).toContainText("acme");
  await look(page, "problems-around");
});
