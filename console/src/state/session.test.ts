import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { login, logout, session } from "./session";

const ME = { name: "anna", tenants: ["*"], rights: ["admin"], process: "gw", version: "0", auth: "tokens" };

/** Requests but those of logging in wait until the test answers them. */
const waiting: { token: string | null; answer: (response: Response) => void }[] = [];

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", () => 0);
  vi.stubGlobal("fetch", (path: string, init: RequestInit) =>
    path.endsWith("/me") ? Promise.resolve(Response.json(ME)) : new Promise<Response>((answer) => waiting.push({ token: new Headers(init.headers).get("Authorization"), answer })),
  );
});

afterEach(() => {
  logout();
  vi.unstubAllGlobals();
});

const clientNow = () => {
  const now = session.get();
  if (now.is !== "in") {
    throw new Error("nobody is logged in");
  }
  return now.client;
};

test("a 401 ends the session that asked, and no other", async () => {
  await login("first");
  const asked = clientNow().get("tenants/acme").catch(() => "refused");
  logout();
  await login("second");
  waiting.filter(({ token }) => token === "Bearer first").forEach(({ answer }) => answer(new Response(null, { status: 401 })));
  expect(await asked).toBe("refused");
  expect(session.get().is).toBe("in");

  const again = clientNow().get("tenants/acme").catch(() => "refused");
  waiting.filter(({ token }) => token === "Bearer second").forEach(({ answer }) => answer(new Response(null, { status: 401 })));
  expect(await again).toBe("refused");
  expect(session.get()).toMatchObject({ is: "out", notice: { why: "expired" } });
});
