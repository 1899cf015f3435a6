import type { Told } from "../../api/types";

export function momentOf(one: Told): string {
  return "timestamp" in one ? one.timestamp : (one.time ?? "");
}

/** The engine's own word for it, which is finer than the kinds of the stream. */
export function eventOf(one: Told): string {
  return "event" in one ? one.event : one.kind;
}

const TONES: readonly (readonly [RegExp, string])[] = [
  [/filled|fill$/, "good"],
  [/rejected|error|breach|unknown|fallback|busted/, "bad"],
  [/denied|breaker|cancel|expired|stale|dropped/, "fair"],
  [/^signal/, "violet"],
  [/order|stop|exit|trade/, "info"],
];

/** The colour of an activity: by how serious it is, then by its kind. */
export function toneOf(one: Told): string {
  if (one.level === "error" || one.level === "critical") return "bad";
  return TONES.find(([kind]) => kind.test(eventOf(one)))?.[1] ?? (one.level === "warning" ? "fair" : "");
}
