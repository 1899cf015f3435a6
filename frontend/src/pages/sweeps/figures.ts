import type { SweepResult } from "../../api/types";
import { decimal, fraction } from "../../format/decimal";

/** Shares come as fractions. */
export function figure(value: string | null | undefined, kind: string): string {
  if (kind === "percent") return fraction(value);
  if (kind === "money") return decimal(value, { least: 2, most: 2, prefix: "$" });
  const places = kind === "whole" ? 0 : 3;
  return decimal(value, { least: places, most: places });
}

/** How the ranking figure is written. */
export function kindOf({ columns, metric }: SweepResult): string {
  return columns.find((column) => column.name === metric)?.kind ?? "number";
}
