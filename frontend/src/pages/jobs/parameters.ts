import type { Parameter } from "../../api/types";

/** What is sent for what was typed; whole numbers as numbers, others as exact text. */
export function parameterValue({ kind }: Parameter, typed: string): string | number | boolean {
  if (kind === "boolean") return typed === "true";
  if (kind === "integer" && /^[+-]?\d{1,15}$/.test(typed.trim())) return Number(typed);
  return typed.trim();
}

/** The parameters that differ from their defaults. */
export function chosenParameters(parameters: readonly Parameter[], typed: Readonly<Record<string, string>>): Record<string, string | number | boolean> {
  const changed = parameters.filter(({ name, default: usual }) => typed[name] !== undefined && typed[name]?.trim() !== "" && typed[name] !== String(usual));
  return Object.fromEntries(changed.map((parameter) => [parameter.name, parameterValue(parameter, typed[parameter.name] ?? "")]));
}

export function boundsText({ minimum, maximum, help = "" }: Parameter): string {
  const low = minimum ?? "";
  const high = maximum ?? "";
  const range = low !== "" && high !== "" ? `${low} to ${high}` : low !== "" ? `at least ${low}` : high !== "" ? `at most ${high}` : "";
  return [help, range].filter(Boolean).join(" · ");
}

export const symbolsIn = (text: string): string[] => text.toUpperCase().split(/[\s,]+/).filter(Boolean);
