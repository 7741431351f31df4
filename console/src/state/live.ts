import { ApiError, type Client } from "../api/client";
import { read, type Incoming } from "../api/stream";
import type { FleetEvent, PhaseEvent, TransfersEvent } from "../api/types";
import { changedFleet, flippedFleet, wholeFleet, type FleetState } from "./fleet";
import { backoff, type Link } from "./link";
import { Store } from "./store";
import { changedTransfers, NO_TRANSFERS, type TransfersState } from "./transfers";

export const link = new Store<Link>({ is: "off" });
export const fleet = new Store<FleetState | undefined>(undefined);
export const transfers = new Store<TransfersState>(NO_TRANSFERS);
/** The latest flip that anybody made. */
export const lastFlip = new Store<PhaseEvent | undefined>(undefined);

let heardAt = 0;
/** How much this machine's clock is ahead of the server's. */
let skewMs = 0;
let running: AbortController | undefined;
let wake: (() => void) | undefined;

/** When the server was last heard, by this machine's clock; 0: never. */
export const lastHeard = (): number => heardAt;

/** Now, by the server's clock. While the line is lost time stands still: ages are of the moment that is shown. */
export const serverNow = (): number => (link.get().is === "lost" ? heardAt : Date.now()) - skewMs;

/** Follows the server until `stop`. What was known stays shown while the line is lost. */
export function start(client: Client): void {
  stop();
  running = new AbortController();
  void follow(client, running.signal);
}

export function stop(): void {
  running?.abort();
  running = undefined;
  link.set({ is: "off" });
  fleet.set(undefined);
  transfers.set(NO_TRANSFERS);
  lastFlip.set(undefined);
  heardAt = 0;
}

/** Ends a wait between two attempts. */
export const tryNow = (): void => wake?.();

async function follow(client: Client, signal: AbortSignal): Promise<void> {
  let attempt = 0;
  let lostSince = 0;
  link.set({ is: "connecting" });
  while (!signal.aborted) {
    let why = "";
    const take = receiver(() => {
      attempt = 0;
      lostSince = 0;
      link.set({ is: "live", since: Date.now() });
    });
    try {
      await read(client, "events", signal, take, () => (heardAt = Date.now()));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        return;
      }
      // A line that broke tells nothing that helps; a refusal has the server's own sentence.
      why = error instanceof ApiError && error.status !== 0 ? error.detail : "";
    }
    if (signal.aborted) {
      return;
    }
    lostSince ||= heardAt || Date.now();
    const wait = backoff(attempt, Math.random());
    attempt += 1;
    link.set({ is: "lost", since: lostSince, attempt, retryAt: Date.now() + wait, why });
    await pause(wait, signal);
  }
}

function pause(wait: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      wake = undefined;
      resolve();
    };
    const timer = setTimeout(done, wait);
    window.addEventListener("online", done);
    signal.addEventListener("abort", done);
    wake = done;
  });
}

/** One connection's events: the first of each kind is whole, the others tell what changed. */
function receiver(onFirst: () => void): (incoming: Incoming) => void {
  let hasFleet = false;
  let hasTransfers = false;
  return ({ event, data }) => {
    switch (event) {
      case "fleet": {
        const before = fleet.get();
        const change = JSON.parse(data) as FleetEvent;
        const skew = Date.now() - Date.parse(change.at);
        // A late event looks like a clock that is ahead; the quickest one tells best.
        skewMs = hasFleet ? Math.min(skewMs, skew) : skew;
        const isWhole = !hasFleet || change.reset === true || before === undefined;
        fleet.set(isWhole ? wholeFleet(change, before) : changedFleet(before, change));
        if (!hasFleet) {
          hasFleet = true;
          onFirst();
        }
        return;
      }
      case "transfers": {
        const change = JSON.parse(data) as TransfersEvent;
        const whole = hasTransfers ? change : { ...change, reset: true };
        hasTransfers = true;
        transfers.set(changedTransfers(transfers.get(), whole, serverNow()));
        return;
      }
      case "phase": {
        const flip = JSON.parse(data) as PhaseEvent;
        const before = fleet.get();
        lastFlip.set(flip);
        if (before !== undefined) {
          fleet.set(flippedFleet(before, flip.tenant, flip.to));
        }
        return;
      }
      default:
        // A later version may tell more.
        return;
    }
  };
}
