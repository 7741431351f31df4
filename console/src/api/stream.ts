import { createParser } from "eventsource-parser";

import type { Client } from "./client";

export interface Incoming {
  event: string;
  data: string;
}

/** The server sends a comment every 15 s. After this long without a byte the line is dead, whatever TCP thinks. */
export const SILENCE_MS = 40_000;

/** Reads server-sent events until the stream ends or `signal` says so. An EventSource could not send the Authorization header. */
export async function read(client: Client, path: string, signal: AbortSignal, take: (incoming: Incoming) => void, alive: () => void): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
    alive();
  };
  try {
    const response = await client.stream(path, AbortSignal.any([signal, silence.signal]), "text/event-stream");
    if (response.body === null) {
      return;
    }
    heard();
    const parser = createParser({ onEvent: ({ event, data }) => take({ event: event ?? "message", data }) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      heard();
      parser.feed(value);
    }
  } finally {
    clearTimeout(timer);
    // Where `take` has thrown, the line is up still.
    silence.abort();
  }
}
