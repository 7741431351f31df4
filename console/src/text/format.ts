/** Numbers, sizes and times as a language writes them. */
export interface Formats {
  number(value: number): string;
  /** Few digits, for rates. */
  decimal(value: number): string;
  percent(share: number): string;
  bytes(value: number): string;
  /** How long something takes, in its two largest units. */
  duration(seconds: number): string;
  /** How long a request takes. */
  latency(seconds: number): string;
  dateTime(time: string | number): string;
  time(time: string | number): string;
  clock(time: number): string;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const NO_BREAK = "\u00a0";

/** `locale`: a language, or a regional form of it. */
export function formats(locale: string): Formats {
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(locale, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
  const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const fineShare = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1, minimumFractionDigits: 1 });
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "medium", hourCycle: "h23" });
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

  const decimal = (value: number) => (Math.abs(value) >= 10 || value === 0 ? whole : tenth).format(value);

  function bytes(value: number): string {
    let unit = 0;
    let left = value;
    while (Math.abs(left) >= 1024 && unit < UNITS.length - 1) {
      left /= 1024;
      unit += 1;
    }
    const figure = unit === 0 || Math.abs(left) >= 100 ? whole.format(left) : tenth.format(left);
    return `${figure}${NO_BREAK}${UNITS[unit] ?? ""}`;
  }

  function percent(value: number): string {
    // Neither nothing nor all is claimed where there is a little, or a little is missing.
    if ((value > 0 && value < 0.01) || (value > 0.99 && value < 1)) {
      return fineShare.format(value < 0.5 ? Math.max(value, 0.001) : Math.min(value, 0.999));
    }
    return share.format(value);
  }

  const part = (figure: number, unit: string) => `${whole.format(figure)}${NO_BREAK}${unit}`;

  function duration(seconds: number): string {
    const s = Math.max(0, Math.round(seconds));
    const days = Math.floor(s / 86_400);
    const hours = Math.floor((s % 86_400) / 3600);
    const minutes = Math.floor((s % 3600) / 60);
    if (days > 99) {
      return part(days, "d");
    }
    if (days > 0) {
      return `${part(days, "d")} ${part(hours, "h")}`;
    }
    if (hours > 0) {
      return `${part(hours, "h")} ${part(minutes, "min")}`;
    }
    if (minutes > 0) {
      return minutes >= 10 ? part(minutes, "min") : `${part(minutes, "min")} ${part(s % 60, "s")}`;
    }
    return part(s, "s");
  }

  function latency(seconds: number): string {
    if (seconds >= 10) {
      return part(seconds, "s");
    }
    if (seconds >= 1) {
      return `${tenth.format(seconds)}${NO_BREAK}s`;
    }
    return `${decimal(seconds * 1000)}${NO_BREAK}ms`;
  }

  return {
    number: (value) => whole.format(value),
    decimal,
    percent,
    bytes,
    duration,
    latency,
    dateTime: (at) => dateTime.format(new Date(at)),
    time: (at) => time.format(new Date(at)),
    clock: (at) => clock.format(new Date(at)),
  };
}
