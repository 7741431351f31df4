import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ApiError, type Client } from "../api/client";
import type { FleetEvent } from "../api/types";
import { summary } from "./summary.fixture";

vi.stubGlobal("window", { addEventListener: () => {}, removeEventListener: () => {} });
vi.stubGlobal("requestAnimationFrame", (frame: () => void) => setTimeout(frame, 16));

const live = await import("./live");

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

const fleetOf = (names: string[], more: Partial<FleetEvent> = {}): FleetEvent => ({
  at: new Date().toISOString(),
  all_paused: false,
  removed: [],
  stores: [],
  totals: { documents: 0, bytes: 0, held_by: {}, backlog: 0, quarantined: 0, problems: 0 },
  tenants: names.map((tenant) => summary(tenant)),
  ...more,
});

/** A server whose connections are what the test says, one after the other. */
function server() {
  const encoder = new TextEncoder();
  const answers: (() => Promise<Response>)[] = [];
  const open: ReadableStreamDefaultController<Uint8Array>[] = [];
  const client: Client = {
    get: () => Promise.reject(new Error("not asked")),
    send: () => Promise.reject(new Error("not asked")),
    stream: () => answers.shift()?.() ?? Promise.reject(new ApiError(0, "connection refused")),
  };
  return {
    client,
    accept: () => answers.push(() => Promise.resolve(new Response(new ReadableStream<Uint8Array>({ start: (made) => void open.push(made) })))),
    refuse: (error: ApiError) => answers.push(() => Promise.reject(error)),
    tell: (event: string, data: object) => open.at(-1)?.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)),
    hangUp: () => open.at(-1)?.close(),
  };
}

const names = () => [...(live.fleet.get()?.tenants.keys() ?? [])];

test("what is known stays while the line is lost, and is replaced when the server is back", async () => {
  const { client, accept, tell, hangUp } = server();
  accept();
  live.start(client);
  await vi.advanceTimersByTimeAsync(1);
  tell("fleet", fleetOf(["a", "b"]));
  tell("fleet", fleetOf(["c"]));
  await vi.advanceTimersByTimeAsync(1);
  expect(live.link.get().is).toBe("live");
  expect(names()).toEqual(["a", "b", "c"]);

  hangUp();
  await vi.advanceTimersByTimeAsync(1);
  expect(live.link.get()).toMatchObject({ is: "lost", attempt: 1 });
  expect(names()).toEqual(["a", "b", "c"]);

  accept();
  await vi.advanceTimersByTimeAsync(20_000);
  tell("fleet", fleetOf(["a"]));
  await vi.advanceTimersByTimeAsync(1);
  expect(live.link.get().is).toBe("live");
  expect(names()).toEqual(["a"]);
});

test("a server may tell everything anew on the same connection", async () => {
  const { client, accept, tell } = server();
  accept();
  live.start(client);
  await vi.advanceTimersByTimeAsync(1);
  tell("fleet", fleetOf(["a", "b"]));
  tell("fleet", fleetOf(["b"], { reset: true }));
  tell("phase", { tenant: "b", from: "shadow", to: "dual", at: new Date().toISOString() });
  await vi.advanceTimersByTimeAsync(1);
  expect(names()).toEqual(["b"]);
  expect(live.fleet.get()?.tenants.get("b")?.phase).toBe("dual");
  expect(live.lastFlip.get()).toMatchObject({ tenant: "b", to: "dual" });
});

test("it is tried again and again, with the server's own reason shown, and nobody tries once the token is refused", async () => {
  const { client, refuse } = server();
  refuse(new ApiError(503, "64 streams are open already"));
  live.start(client);
  await vi.advanceTimersByTimeAsync(1);
  expect(live.link.get()).toMatchObject({ is: "lost", attempt: 1, why: "64 streams are open already" });
  await vi.advanceTimersByTimeAsync(60_000);
  const lost = live.link.get();
  expect(lost.is === "lost" && lost.attempt > 3).toBe(true);

  refuse(new ApiError(401, ""));
  live.tryNow();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(vi.getTimerCount()).toBe(0);
});
