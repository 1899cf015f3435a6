/** Decimal text is shown without ever becoming a float: what the server says exactly is shown exactly. */

const SHAPE = /^([+-]?)(\d+)(?:\.(\d+))?$/;
const MINUS = "−";
export const NOTHING = "–";

export interface Shape {
  /** Digits after the point: at least `least`, and rounded to at most `most`. */
  least?: number;
  most?: number;
  /** A plus before what is above zero. */
  sign?: boolean;
  prefix?: string;
  suffix?: string;
}

interface Parts {
  negative: boolean;
  whole: string;
  rest: string;
}

function partsOf(text: string): Parts | null {
  const found = SHAPE.exec(text.trim());
  if (!found) return null;
  return { negative: found[1] === "-", whole: (found[2] ?? "0").replace(/^0+(?=\d)/, ""), rest: found[3] ?? "" };
}

/** Half away from zero, as people round. */
function rounded({ negative, whole, rest }: Parts, most: number): Parts {
  if (rest.length <= most) return { negative, whole, rest };
  const up = (rest.charCodeAt(most) - 48) >= 5 ? 1n : 0n;
  const digits = (BigInt(whole + rest.slice(0, most)) + up).toString().padStart(most + 1, "0");
  const cut = digits.length - most;
  return { negative, whole: digits.slice(0, cut), rest: digits.slice(cut) };
}

/** Decimal text for people; a dash for nothing, and the text itself where it is no number. */
export function decimal(text: string | null | undefined, shape: Shape = {}): string {
  if (text === null || text === undefined || text === "") return NOTHING;
  const parts = partsOf(text);
  if (!parts) return text;
  const { least = 0, most = Number.POSITIVE_INFINITY, sign = false, prefix = "", suffix = "" } = shape;
  const { negative, whole, rest } = rounded(parts, most);
  const fraction = rest.replace(/0+$/, "").padEnd(least, "0");
  const isZero = /^0*$/.test(whole) && /^0*$/.test(fraction);
  const before = isZero ? "" : negative ? MINUS : sign ? "+" : "";
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return before + prefix + grouped + (fraction && `.${fraction}`) + suffix;
}

export const money = (text: string | null | undefined, sign = false): string => decimal(text, { least: 2, most: 2, prefix: "$", sign });
export const price = (text: string | null | undefined): string => decimal(text, { least: 2 });
export const quantity = (text: string | null | undefined): string => decimal(text);
export const percent = (text: string | null | undefined, sign = false): string =>
  decimal(text, { least: 2, most: 2, suffix: "%", sign });

/** A fraction in percent: 0.0213 is 2.13%. The point moves, nothing is multiplied. */
export function fraction(text: string | null | undefined): string {
  const parts = text ? partsOf(text) : null;
  if (!parts) return decimal(text);
  const rest = parts.rest.padEnd(2, "0");
  return percent(`${parts.negative ? "-" : ""}${parts.whole}${rest.slice(0, 2)}.${rest.slice(2) || "0"}`);
}

/** Whether `money` leaves digits out, which are then told on hover. */
export function isRounded(text: string | null | undefined, most = 2): boolean {
  const rest = text ? (partsOf(text)?.rest ?? "") : "";
  return rest.replace(/0+$/, "").length > most;
}

/** -1, 0 or 1. */
export function signOf(text: string | null | undefined): number {
  const parts = text ? partsOf(text) : null;
  if (!parts || /^0*$/.test(parts.whole + parts.rest)) return 0;
  return parts.negative ? -1 : 1;
}

function scaled(text: string, places: number): bigint {
  const parts = partsOf(text);
  if (!parts) return 0n;
  const value = BigInt(parts.whole + parts.rest.padEnd(places, "0"));
  return parts.negative ? -value : value;
}

function placesOf(...texts: string[]): number {
  return Math.max(...texts.map((text) => partsOf(text)?.rest.length ?? 0));
}

/** Less than 0, 0 or more than 0, as for sorting. */
export function compare(one: string, other: string): number {
  const places = placesOf(one, other);
  const [left, right] = [scaled(one, places), scaled(other, places)];
  return left < right ? -1 : left > right ? 1 : 0;
}

export function subtract(one: string, other: string): string {
  const places = placesOf(one, other);
  const difference = scaled(one, places) - scaled(other, places);
  const digits = (difference < 0n ? -difference : difference).toString().padStart(places + 1, "0");
  const cut = digits.length - places;
  const rest = digits.slice(cut);
  return (difference < 0n ? "-" : "") + digits.slice(0, cut) + (rest && `.${rest}`);
}

/** A share in percent of two whole counts, with one digit after the point. */
export function share(part: number, whole: number): string {
  return whole > 0 ? `${(Math.round((part * 1000) / whole) / 10).toFixed(1)}%` : NOTHING;
}
