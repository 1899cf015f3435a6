import { describe, expect, it } from "vitest";
import { cell, csv } from "../src/format/csv";

describe("files for spreadsheets", () => {
  it.each([
    ["plain", "plain"],
    ["a,b", '"a,b"'],
    ['say "no"', '"say ""no"""'],
    ["two\nlines", '"two\nlines"'],
    ["-12.50", "-12.50"],
    ["=1+1", "'=1+1"],
    ["@cmd", "'@cmd"],
    ["-2+3", "'-2+3"],
    [null, ""],
    [0, "0"],
  ])("%j becomes %j", (value, text) => expect(cell(value)).toBe(text));

  it("have a line of titles", () => {
    const columns = [
      { title: "Symbol", value: (row: { symbol: string; qty: string }) => row.symbol },
      { title: "Quantity", value: (row: { symbol: string; qty: string }) => row.qty },
    ];
    expect(csv(columns, [{ symbol: "AAPL", qty: "100" }])).toBe("Symbol,Quantity\r\nAAPL,100\r\n");
  });
});
