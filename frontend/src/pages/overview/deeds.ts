import type { Position } from "../../api/types";
import { compare, decimal, price, quantity } from "../../format/decimal";

/** What a person can do with one position; the names are those of the calls. */
export type Deed = "close" | "reduce" | "restop" | "adopt" | "release";

export const TITLES: Readonly<Record<Deed, string>> = {
  close: "Close it",
  reduce: "Reduce it",
  restop: "Move its stop",
  adopt: "Adopt it",
  release: "Release it",
};

/** What can be done with a position: one that was not opened here is left alone as far as nobody has adopted it. */
export function deedsFor({ owner, adopted }: Position): readonly Deed[] {
  if (owner !== "external") return ["close", "reduce", "restop"];
  if (!adopted) return ["adopt"];
  return adopted === "protect" ? ["restop", "adopt", "release"] : ["close", "reduce", "restop", "release"];
}

/** The figure that has to be typed, with its bounds. */
export function figureOf(deed: Deed, { qty, side, stop_price: stop, current_price: last }: Position): { label: string; help: string } | null {
  if (deed === "reduce") return { label: "Quantity to close", help: `Above 0, at most ${quantity(qty)}. The stop keeps what is left.` };
  if (deed !== "restop") return null;
  const [low, high] = side === "short" ? [last, stop] : [stop, last];
  const bounds = low && high ? `Between ${price(low)} and ${price(high)}` : high ? `Below ${price(high)}` : `Above ${price(low)}`;
  return { label: "New stop price", help: `${bounds}: a stop is only tightened, and not put through the market.` };
}

/** What is wrong with what was typed, as far as the page can tell; the server has the last word. */
export function faultOf(deed: Deed, position: Position, typed: string): string {
  const text = typed.trim();
  if (!figureOf(deed, position) || !text) return "";
  if (!/^\d+(\.\d+)?$/.test(text)) return "Write it with digits and a point, like 12.5.";
  if (compare(text, "0") <= 0) return "It has to be above zero.";
  if (deed === "reduce") return compare(text, position.qty) > 0 ? `Only ${quantity(position.qty)} are held.` : "";
  const { side, stop_price: stop, current_price: last } = position;
  const order = side === "short" ? -1 : 1;
  if (last && compare(text, last) * order >= 0) return `That is through the market at ${price(last)}.`;
  return stop && compare(text, stop) * order <= 0 ? `That does not tighten the stop at ${price(stop)}.` : "";
}

/** The body of the call, but for the reason. */
export function bodyOf(deed: Deed, { symbol, owner }: Position, typed: string, mode: string): Readonly<Record<string, string>> {
  if (deed === "reduce") return { symbol, owner, qty: typed.trim() };
  if (deed === "restop") return { symbol, owner, stop_price: typed.trim() };
  if (deed === "close") return { symbol, owner };
  return deed === "adopt" ? { symbol, mode } : { symbol };
}

/** What will happen, in a sentence. */
export function outcomeOf(deed: Deed, { symbol, owner }: Position): string {
  switch (deed) {
    case "close":
      return `${owner === "external" ? "The position" : `The position of ${owner}`} in ${symbol} is closed at the market; its stop is cancelled with it.`;
    case "reduce":
      return "A part is closed at the market. What waits to be filled there is cancelled.";
    case "restop":
      return `The stop at the venue is changed. ${owner === "external" ? "" : "The strategy may tighten it further."}`.trim();
    case "adopt":
      return "It was not opened here and is left alone until somebody takes it over.";
    case "release":
      return "Its stop is cancelled and it is left alone again.";
  }
}

export const summaryOf = ({ side, qty, symbol, owner, current_price: last }: Position): string =>
  `${side === "short" ? "Short" : "Long"} ${decimal(qty)} ${symbol} of ${owner}, last price ${price(last)}.`;
