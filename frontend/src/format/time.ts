import { NOTHING } from "./decimal";

export const EXCHANGE_ZONE = "America/New_York";

const parts: Intl.DateTimeFormatOptions = { timeZone: EXCHANGE_ZONE, hourCycle: "h23" };
const clock = new Intl.DateTimeFormat("en-US", { ...parts, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat("en-US", { ...parts, hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-CA", { timeZone: EXCHANGE_ZONE, year: "numeric", month: "2-digit", day: "2-digit" });

/** Milliseconds since 1970; NaN for no time. */
export function milliseconds(instant: string | null | undefined): number {
  return instant ? Date.parse(instant) : Number.NaN;
}

function shown(instant: string | null | undefined, make: (moment: number) => string): string {
  const moment = milliseconds(instant);
  return Number.isNaN(moment) ? NOTHING : make(moment);
}

/** The time of day in New York, as 14:30:00. */
export const timeOfDay = (instant: string | null | undefined): string => shown(instant, (moment) => clock.format(moment));

/** The day in New York, as 2025-11-26. */
export const day = (instant: string | null | undefined): string => shown(instant, (moment) => date.format(moment));

/** Day and time in New York. */
export const dayAndTime = (instant: string | null | undefined): string =>
  shown(instant, (moment) => `${date.format(moment)} ${clock.format(moment)}`);

export const hourAndMinute = (instant: string | null | undefined): string => shown(instant, (moment) => minutes.format(moment));

/** The moment in UTC, in full, for hovering. */
export function utc(instant: string | null | undefined): string {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|\+00:00)$/.exec(instant ?? "");
  return found ? `${found[1]} ${found[2]} UTC` : shown(instant, (moment) => new Date(moment).toISOString());
}

/** Seconds that a clock in New York is ahead of UTC at a moment; charts know no time zones. */
export function exchangeOffset(moment: number): number {
  const found = Object.fromEntries(
    new Intl.DateTimeFormat("en-US", { ...parts, year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" })
      .formatToParts(moment)
      .map(({ type, value }) => [type, Number(value)]),
  ) as Record<string, number>;
  const local = Date.UTC(found["year"] ?? 0, (found["month"] ?? 1) - 1, found["day"] ?? 1, found["hour"] ?? 0, found["minute"] ?? 0, found["second"] ?? 0);
  return Math.round((local - Math.floor(moment / 1000) * 1000) / 1000);
}

/** 45 s, 12 min 5 s, 3 h 20 min, 2 d 4 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return NOTHING;
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, mins, secs] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return mins ? `${hours} h ${mins} min` : `${hours} h`;
  if (mins) return secs ? `${mins} min ${secs} s` : `${mins} min`;
  return `${secs} s`;
}

/** When a day such as 2025-11-26 begins in New York. */
export function midnight(date: string): string {
  const utcMidnight = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(utcMidnight)) return "";
  // The offset of the moment itself, which is some hours later: clocks are changed at two in the morning.
  const near = utcMidnight - exchangeOffset(utcMidnight) * 1000;
  return new Date(utcMidnight - exchangeOffset(near) * 1000).toISOString();
}
