import { decimal } from "../../format/decimal";

/** A figure and what follows it: money gets its $, a share its %, and the rest of a unit such as `% of equity` stands behind. */
export function inUnit(value: string | null, unit: string): readonly [string, string] {
  if (unit === "USD" || unit === "$") return [decimal(value, { least: 2, most: 2, prefix: "$" }), ""];
  if (unit === "percent") return [decimal(value, { most: 2, suffix: "%" }), ""];
  if (unit.startsWith("%")) return [decimal(value, { most: 2, suffix: "%" }), unit.slice(1).trim()];
  return [decimal(value, { most: 4 }), unit];
}
