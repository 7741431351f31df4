// An instant as a field for date and time has it, in the browser's zone or in UTC.

export const ZONES = ["local", "utc"] as const;
export type Zone = (typeof ZONES)[number];

export interface Instant {
  /** Milliseconds since 1970, UTC. */
  at: number;
  /** Where clocks are put back an hour comes twice, and the first one is meant; where they are put forward one never comes. */
  comes: "once" | "twice" | "never";
}

const FIELD = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?$/;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** The name of the browser's zone, as `Europe/Stockholm`. */
export const zoneHere = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** `undefined`: it is no date and time. */
export function instantOf(text: string, zone: Zone): Instant | undefined {
  const parts = FIELD.exec(text);
  if (parts === null) {
    return undefined;
  }
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  const wall = Date.UTC(year, month - 1, day, hour, minute, second, Number((parts[7] ?? "0").padEnd(3, "0")));
  if (zone === "utc") {
    return { at: wall, comes: "once" };
  }
  // The zone's offset a day before and a day after: they differ where clocks are changed in between.
  const offsets = [wall - DAY_MS, wall + DAY_MS].map((near) => new Date(near).getTimezoneOffset() * MINUTE_MS);
  const found = [...new Set(offsets)].map((offset) => wall + offset).filter((at) => fieldOf(at, "local") === fieldOf(wall, "utc"));
  if (found.length === 0) {
    return { at: wall + (offsets[0] ?? 0), comes: "never" };
  }
  return { at: Math.min(...found), comes: found.length > 1 ? "twice" : "once" };
}

/** As the field wants it, to the millisecond. */
export function fieldOf(at: number, zone: Zone): string {
  const wall = zone === "utc" ? at : at - new Date(at).getTimezoneOffset() * MINUTE_MS;
  return new Date(wall).toISOString().slice(0, -1);
}

/** As it is written anywhere: `2026-11-20 12:00:00 UTC`. Milliseconds where there are some. */
export const inUtc = (at: number | string): string => new Date(at).toISOString().replace("T", " ").replace(".000Z", " UTC").replace("Z", " UTC");
