import { describe, expect, it } from "vitest";
import type { Position } from "../src/api/types";
import { bodyOf, deedsFor, faultOf, figureOf, type Deed } from "../src/pages/overview/deeds";
import { position } from "./fixtures";

const short: Position = { ...position, side: "short", stop_price: "168.0000" };
const naked: Position = { ...position, stop_price: null };

describe("what can be done with a position", () => {
  it.each([
    [position, ["close", "reduce", "restop"]],
    [{ ...position, owner: "external" }, ["adopt"]],
    [{ ...position, owner: "external", adopted: "protect" }, ["restop", "adopt", "release"]],
    [{ ...position, owner: "external", adopted: "manage" }, ["close", "reduce", "restop", "release"]],
  ])("case %#", (found, deeds) => expect(deedsFor(found)).toEqual(deeds));

  it.each<[Deed, Position, string | undefined]>([
    ["close", position, undefined],
    ["reduce", position, "Above 0, at most 100. The stop keeps what is left."],
    ["restop", position, "Between 163.20 and 166.125: a stop is only tightened, and not put through the market."],
    ["restop", short, "Between 166.125 and 168.00: a stop is only tightened, and not put through the market."],
    ["restop", naked, "Below 166.125: a stop is only tightened, and not put through the market."],
    ["restop", { ...naked, side: "short" }, "Above 166.125: a stop is only tightened, and not put through the market."],
  ])("%s shows its bounds (%#)", (deed, found, help) => expect(figureOf(deed, found)?.help).toBe(help));

  it.each<[Deed, Position, string, string]>([
    ["reduce", position, "", ""],
    ["reduce", position, "100", ""],
    ["reduce", position, "0.5", ""],
    ["reduce", position, "100.1", "Only 100 are held."],
    ["reduce", position, "9007199254740993", "Only 100 are held."],
    ["reduce", position, "0", "It has to be above zero."],
    ["reduce", position, "-5", "Write it with digits and a point, like 12.5."],
    ["reduce", position, "1e3", "Write it with digits and a point, like 12.5."],
    ["restop", position, "163.21", ""],
    ["restop", position, "163.2", "That does not tighten the stop at 163.20."],
    ["restop", position, "166.125", "That is through the market at 166.125."],
    ["restop", short, "167", ""],
    ["restop", short, "168.5", "That does not tighten the stop at 168.00."],
    ["restop", short, "166", "That is through the market at 166.125."],
    ["restop", naked, "1", ""],
    ["close", position, "nonsense", ""],
  ])("%s (%#) of %j", (deed, found, typed, fault) => expect(faultOf(deed, found, typed)).toBe(fault));

  it("sends exactly what was typed, and whose position it is", () => {
    expect(bodyOf("reduce", position, " 40 ", "protect")).toEqual({ symbol: "AAPL", owner: "velez", qty: "40" });
    expect(bodyOf("restop", position, "164.10", "protect")).toEqual({ symbol: "AAPL", owner: "velez", stop_price: "164.10" });
    expect(bodyOf("adopt", position, "", "manage")).toEqual({ symbol: "AAPL", mode: "manage" });
    expect(bodyOf("release", position, "1", "manage")).toEqual({ symbol: "AAPL" });
  });
});
