import { describe, expect, it } from "vitest";
import { compare, decimal, fraction, isRounded, money, percent, price, share, signOf, subtract } from "../src/format/decimal";

describe("money", () => {
  it.each([
    ["1000099.65", "$1,000,099.65"],
    ["0", "$0.00"],
    ["-0.00", "$0.00"],
    ["-12.5", "−$12.50"],
    ["999.995", "$1,000.00"],
    ["-999.995", "−$1,000.00"],
    ["0.004", "$0.00"],
    ["12345678901234567890.125", "$12,345,678,901,234,567,890.13"],
    ["0.1", "$0.10"],
    ["100", "$100.00"],
  ])("%s is shown as %s", (text, shown) => expect(money(text)).toBe(shown));

  it("has a sign where one is wanted, but none for nothing", () => {
    expect(money("12.3", true)).toBe("+$12.30");
    expect(money("-12.3", true)).toBe("−$12.30");
    expect(money("0.001", true)).toBe("$0.00");
  });

  it("says when digits were left out", () => {
    expect(isRounded("1.005")).toBe(true);
    expect(isRounded("1.0500")).toBe(false);
    expect(isRounded(null)).toBe(false);
  });
});

describe("other figures", () => {
  it("keeps every digit of a price that means something", () => {
    expect(price("166.1250")).toBe("166.125");
    expect(price("165.0000")).toBe("165.00");
    expect(price("0.00001234")).toBe("0.00001234");
  });

  it("shows a dash for nothing and text as it is", () => {
    expect(price(null)).toBe("–");
    expect(price(undefined)).toBe("–");
    expect(decimal("n/a")).toBe("n/a");
    expect(decimal("1e5")).toBe("1e5");
  });

  it("counts what floats would get wrong", () => {
    expect(subtract("100412.505", "100000.10")).toBe("412.405");
    expect(subtract("0.1", "0.3")).toBe("-0.2");
    expect(subtract("5", "7")).toBe("-2");
    expect(subtract("90071992547409930.01", "0.02")).toBe("90071992547409929.99");
    expect(compare("0.10", "0.1")).toBe(0);
    expect(compare("-2", "1.5")).toBe(-1);
    expect(compare("9007199254740993", "9007199254740992")).toBe(1);
  });

  it.each([
    ["0.0213", "2.13%"],
    ["-0.00001", "0.00%"],
    ["1", "100.00%"],
    ["-0.5", "−50.00%"],
    ["0.123456", "12.35%"],
    [null, "–"],
  ])("the fraction %s is %s", (text, shown) => expect(fraction(text)).toBe(shown));

  it("knows signs and shares", () => {
    expect([signOf("-0.001"), signOf("0.00"), signOf("3"), signOf(null)]).toEqual([-1, 0, 1, 0]);
    expect(percent("0.4125", true)).toBe("+0.41%");
    expect(share(2, 3)).toBe("66.7%");
    expect(share(0, 0)).toBe("–");
  });
});
