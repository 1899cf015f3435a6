import { describe, expect, it } from "vitest";
import { chosenParameters, symbolsIn } from "../src/pages/jobs/parameters";
import { toneOf } from "../src/pages/overview/activity";
import { upToNow } from "../src/pages/overview/EquityToday";
import { isSame } from "../src/pages/risk/ConfirmDialog";
import { boundsOf, fieldsNamed, sectionsOf, valueOf } from "../src/pages/settings/drafts";
import { sentence } from "../src/format/words";
import { inUnit } from "../src/pages/risk/units";
import { strengths } from "../src/pages/sweeps/heat";
import { marksOf, stopPath, timeOf } from "../src/pages/symbol/marks";
import { placeOf } from "../src/router";
import type { Activity } from "../src/api/types";
import { activity, bars, settings, strategyTypes } from "./fixtures";

const byKey = (key: string) => settings.find((one) => one.key === key) as (typeof settings)[number];

describe("settings", () => {
  it("are sent as their kind wants it, numbers with all their digits", () => {
    expect(valueOf(byKey("risk.max_risk_per_trade_pct"), " 0.0100 ")).toBe("0.0100");
    expect(valueOf(byKey("watchlist"), "AAPL, MSFT  TSLA,")).toEqual(["AAPL", "MSFT", "TSLA"]);
    expect(valueOf(byKey("strategies.velez.enabled"), "false")).toBe(false);
  });

  it("show bounds, default and effect", () => {
    expect(boundsOf(byKey("risk.max_risk_per_trade_pct"))).toBe("0.001 to 0.05 (fraction) · default 0.01 · acts on the next signal");
  });

  it("stand by sections", () => {
    expect(sectionsOf(settings).map(([name, found]) => [name, found.length])).toEqual([["risk", 2], ["app", 1], ["general", 1], ["alpaca", 1], ["strategies", 1]]);
  });

  it("get the refusal that is about them", () => {
    const keys = ["risk.max_risk_per_trade_pct", "risk.max_open_positions"];
    expect(fieldsNamed("risk.max_risk_per_trade_pct: 0.1 is out of bounds", keys)).toEqual([keys[0]]);
    expect(fieldsNamed("max_open_positions: 0 is out of bounds", keys)).toEqual([keys[1]]);
    expect(fieldsNamed("nothing was changed", keys)).toEqual(keys);
  });
});

describe("the chart", () => {
  const colors = { ground: "", text: "", line: "", gain: "g", loss: "l", accent: "a", warn: "w", violet: "v", muted: "m", lines: [] };

  it("shows clock times of New York", () => {
    expect(timeOf("2025-11-26T14:30:00Z")).toBe(Date.UTC(2025, 10, 26, 9, 30) / 1000);
  });

  it("puts marks on the bars in which they happened, in order", () => {
    const marks = marksOf(bars, colors);
    expect(marks.map((mark) => mark.text)).toEqual(["", "Entry", "Exit", "Denied"]);
    expect(marks.every((mark) => bars.bars.some((bar) => timeOf(bar.time) === mark.time))).toBe(true);
    expect(marksOf({ ...bars, bars: [] }, colors)).toEqual([]);
  });

  it("draws the stop from each move to the next, and ends it with the exit", () => {
    expect(stopPath(bars).map((point) => "value" in point && point.value)).toEqual([165.2, 165.2]);
    const held = { ...bars, markers: bars.markers.filter((marker) => marker.kind !== "exit") };
    expect(stopPath(held).at(-1)).toMatchObject({ value: 165.4, time: timeOf(bars.bars.at(-1)?.time ?? "") });
  });
});

describe("risk", () => {
  it.each([
    ["0.5", "% of the day's first equity", "0.5%", "of the day's first equity"],
    ["16.384", "USD", "$16.38", ""],
    ["3", "losing round trips in a row", "3", "losing round trips in a row"],
    [null, "", "–", ""],
  ])("%s in %j is %s %s", (value, unit, figure, rest) => expect(inUnit(value, unit)).toEqual([figure, rest]));
});

describe("sentences", () => {
  it.each([
    ["buy 100 at 165.00", "Buy 100 at 165.00."],
    ["v3", "v3"],
    ["a1a3e5f-2-r2", "a1a3e5f-2-r2"],
    ["risk.max_open_positions: 0 is out of bounds", "risk.max_open_positions: 0 is out of bounds."],
    ["is it?", "Is it?"],
    ["", ""],
  ])("%j is written %j", (text, written) => expect(sentence(text)).toBe(written));
});

describe("forms", () => {
  const parameters = strategyTypes[0]?.parameters ?? [];

  it("send only what differs from the defaults", () => {
    expect(chosenParameters(parameters, { fast: "10", slow: "200", direction: "" })).toEqual({ fast: 10 });
    expect(chosenParameters(parameters, { fast: "ten", direction: "long" })).toEqual({ fast: "ten", direction: "long" });
  });

  it("take symbols apart", () => {
    expect(symbolsIn(" aapl,msft  tsla,")).toEqual(["AAPL", "MSFT", "TSLA"]);
  });

  it("want the phrase, however it is written", () => {
    expect(isSame("  Resume   Trading ", "resume trading")).toBe(true);
    expect(isSame("resume", "resume trading")).toBe(false);
  });
});

describe("colours and places", () => {
  it.each([
    ["order_filled", "info", "good"],
    ["signal_denied", "warning", "fair"],
    ["signal_detected", "info", "violet"],
    ["stop_moved", "info", "info"],
    ["order_rejected", "error", "bad"],
    ["session", "info", ""],
  ])("%s (%s) is %s", (event, level, tone) => expect(toneOf({ ...activity, event, level: level as Activity["level"] })).toBe(tone));

  it("makes the best cells the greenest", () => {
    expect(strengths([["1", "3"], [null, "2"]], false)).toEqual([[0, 1], [null, 0.5]]);
    expect(strengths([["1", "3"]], true)).toEqual([[1, 0]]);
    expect(strengths([["1"]], false)).toEqual([[0.5]]);
  });

  it("reads addresses", () => {
    expect(placeOf("/symbol/BRK.B?interval=2m").path).toEqual(["symbol", "BRK.B"]);
    expect(placeOf("/orders?symbol=A%20B").query.get("symbol")).toBe("A B");
    expect(placeOf("/symbol/%E0%A4%A").path[1]).toBe("%E0%A4%A");
  });
});

describe("the day's equity", () => {
  const points = [
    ["2024-03-07T14:30:00Z", "100.00"],
    ["2024-03-07T14:31:00Z", "101.00"],
  ] as const;
  it.each([
    ["nothing newer is known", null, null, points],
    ["the figure is newer", "102.00", null, [points[0], ["2024-03-07T14:31:00Z", "102.00"]]],
    ["it belongs to the same minute", "102.00", "2024-03-07T14:31:00Z", [points[0], ["2024-03-07T14:31:00Z", "102.00"]]],
    ["bars have come since", "102.00", "2024-03-07T14:33:00Z", [...points, ["2024-03-07T14:33:00Z", "102.00"]]],
  ])("ends where it should when %s", (_, now, lastBar, wanted) => {
    expect(upToNow(points, now, lastBar)).toEqual(wanted);
  });
});
