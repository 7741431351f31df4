import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Client } from "./client";
import { read, SILENCE_MS, type Incoming } from "./stream";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A stream that the test writes to; it ends as a fetch does when it is given up. */
function line() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let given: AbortSignal | undefined;
  const body = new ReadableStream<Uint8Array>({ start: (made) => void (controller = made) });
  const client: Client = {
    get: () => Promise.reject(new Error("not asked")),
    send: () => Promise.reject(new Error("not asked")),
    stream: (_path, signal) => {
      given = signal;
      signal.addEventListener("abort", () => controller?.error(new DOMException("given up", "AbortError")));
      return Promise.resolve(new Response(body));
    },
  };
  const encoder = new TextEncoder();
  return { client, write: (text: string) => controller?.enqueue(encoder.encode(text)), end: () => controller?.close(), isGivenUp: () => given?.aborted };
}

test("events are read however they are cut, and comments are signs of life", async () => {
  const { client, write, end } = line();
  const taken: Incoming[] = [];
  let alive = 0;
  const reading = read(client, "events", new AbortController().signal, (incoming) => taken.push(incoming), () => (alive += 1));
  write("retry: 2000\n\n: still here\n\nevent: fl");
  write('eet\ndata: {"å"');
  write(":1}\n\n");
  end();
  await reading;
  expect(taken).toEqual([{ event: "fleet", data: '{"å":1}' }]);
  expect(alive).toBe(4);
});

test("a line that says nothing for too long is given up; one that does is not", async () => {
  const { client, write } = line();
  const reading = read(client, "events", new AbortController().signal, () => {}, () => {});
  const ended = reading.then(
    () => "ended",
    (error: Error) => error.message,
  );
  await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
  write(": still here\n\n");
  await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(await ended).toBe("given up");
  expect(vi.getTimerCount()).toBe(0);
});

function refuse() {
  throw new Error("no such event");
}

test("where an event cannot be taken, the line is given up and not left open", async () => {
  const { client, write, isGivenUp } = line();
  const reading = read(client, "events", new AbortController().signal, refuse, () => {});
  write("data: 1\n\n");
  await expect(reading).rejects.toThrow("no such event");
  expect(isGivenUp()).toBe(true);
});
