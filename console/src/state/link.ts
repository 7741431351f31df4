/** How things stand with the server. */
export type Link =
  | { is: "off" }
  | { is: "connecting" }
  | { is: "live"; since: number }
  | { is: "lost"; since: number; attempt: number; retryAt: number; why: string };

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Doubles, with full jitter above a floor: a server that is back is not met by all consoles at once. `random` is in [0, 1). */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 10));
  return Math.round(FIRST_WAIT_MS / 2 + random * (ceiling - FIRST_WAIT_MS / 2));
}
