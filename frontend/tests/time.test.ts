import { describe, expect, it } from "vitest";
import { day, dayAndTime, duration, exchangeOffset, timeOfDay, utc } from "../src/format/time";

describe("times", () => {
  it("are shown in New York, in winter and in summer", () => {
    expect(timeOfDay("2025-11-26T14:30:00Z")).toBe("09:30:00");
    expect(timeOfDay("2025-07-01T13:30:00.123456Z")).toBe("09:30:00");
    expect(dayAndTime("2025-11-27T02:00:00Z")).toBe("2025-11-26 21:00:00");
    expect(day("2024-01-02T00:00:00Z")).toBe("2024-01-01");
    expect(timeOfDay("2025-11-26T05:00:00Z")).toBe("00:00:00");
  });

  it("are told in UTC in full on hover", () => {
    expect(utc("2025-11-26T14:30:00.250Z")).toBe("2025-11-26 14:30:00.250 UTC");
    expect(utc("2025-11-26T14:30:00+00:00")).toBe("2025-11-26 14:30:00 UTC");
  });

  it("are a dash where there is none", () => {
    expect([timeOfDay(null), day(""), utc(undefined), timeOfDay("nonsense")]).toEqual(["–", "–", "–", "–"]);
  });

  it("know how far New York is from UTC around the change of clocks", () => {
    expect(exchangeOffset(Date.parse("2025-03-09T06:59:59Z"))).toBe(-5 * 3600);
    expect(exchangeOffset(Date.parse("2025-03-09T07:00:00Z"))).toBe(-4 * 3600);
  });

  it.each([
    [0, "0 s"],
    [59.6, "1 min"],
    [125, "2 min 5 s"],
    [3600, "1 h"],
    [12_000, "3 h 20 min"],
    [180_000, "2 d 2 h"],
    [-5, "0 s"],
  ])("%d seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));
});
