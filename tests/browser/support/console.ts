// The console as an operator uses it: by what is written on it.
import type { Locator, Page } from "@playwright/test";
import type { House } from "./house.ts";
import { expect } from "./test.ts";

export type Phase = "sql" | "shadow" | "dual" | "object" | "sealed";

const ORDER: Phase[] = ["sql", "shadow", "dual", "object", "sealed"];

export class Console {
  constructor(
    readonly page: Page,
    private readonly house: House,
  ) {}

  async open(address = ""): Promise<void> {
    await this.page.goto(this.house.console + address);
  }

  /** Until what is shown is live. */
  async live(): Promise<void> {
    await expect(this.page.locator("[data-link=live]")).toBeVisible();
  }

  /** From the overview to a tenant's own page. */
  async visit(tenant: string): Promise<void> {
    await this.open();
    await this.visitHere(tenant);
  }

  /** The same from the overview that is open. */
  async visitHere(tenant: string): Promise<void> {
    await this.row(tenant).getByRole("link", { name: tenant }).click();
    await expect(this.page.getByRole("heading", { level: 1, name: tenant })).toBeVisible();
  }

  row(tenant: string): Locator {
    return this.page.getByRole("table", { name: "Tenants" }).getByRole("row").filter({ hasText: tenant });
  }

  /** A part of the page by its heading. */
  part(heading: string): Locator {
    return this.page.getByRole("region", { name: heading, exact: true });
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  get dialog(): Locator {
    return this.page.getByRole("dialog");
  }

  /** Who is logged in, and behind that the settings. */
  get menu(): Locator {
    return this.page.locator("summary").filter({ hasText: "Operator:" });
  }

  /** What the console says in passing. */
  async said(text: string | RegExp): Promise<void> {
    await expect(this.page.getByRole("status").getByText(text).first()).toBeVisible();
  }

  async isIn(phase: Phase): Promise<void> {
    await expect(this.part("Phase").locator("[aria-current=step]")).toContainText(phase);
  }

  /** Asks for a flip, and leaves the dialog open. */
  async ask(from: Phase, to: Phase): Promise<void> {
    const forward = ORDER.indexOf(to) > ORDER.indexOf(from);
    await this.button(forward ? `Go on to ${to}…` : `Back to ${to}…`).click();
    await expect(this.dialog).toBeVisible();
  }

  /** Asks, confirms as the dialog wants it, and waits until the page shows the new phase. */
  async flip(tenant: string, from: Phase, to: Phase): Promise<void> {
    await this.ask(from, to);
    await expect(this.dialog).toContainText(tenant);
    await this.confirm(tenant, ORDER.indexOf(to) > ORDER.indexOf(from) ? `Go on to ${to}` : `Go back to ${to}`);
    await this.isIn(to);
  }

  async confirm(tenant: string, button: string): Promise<void> {
    const confirm = this.dialog.getByRole("button", { name: button, exact: true });
    const typed = this.dialog.getByLabel(`Type ${tenant} to confirm`);
    // The field is there as soon as the dry run has passed.
    await expect(typed.or(this.dialog.locator("button[type=submit]:enabled")).first()).toBeVisible();
    if (await typed.isVisible()) {
      await expect(confirm).toBeDisabled();
      await typed.fill(tenant);
    }
    await confirm.click();
    await expect(this.dialog).toBeHidden();
  }

  /** Sets one of the limits of the tenant whose page is open; empty lifts it. */
  async limit(label: "Documents" | "Bytes" | "At once", value: string): Promise<void> {
    const work = this.part("Agents’ work");
    await work.getByLabel(label).fill(value);
    await work.getByRole("button", { name: "Set limits" }).click();
  }
}
