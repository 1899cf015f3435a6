import type { Setting, SettingValue } from "../../api/types";

/** A value as text, the same for what is and for what is wanted. */
export function textOf(value: SettingValue | undefined): string {
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** What is sent for what was typed. Numbers stay text, so that not a digit is lost on the way. */
export function valueOf(setting: Setting, typed: string): SettingValue {
  if (setting.kind === "boolean") return typed === "true";
  if (setting.kind === "list") return typed.split(/[\s,]+/).filter(Boolean);
  return typed.trim();
}

/** By section, which is what stands before the last point of the key. */
export function sectionsOf(settings: readonly Setting[]): readonly (readonly [string, readonly Setting[]])[] {
  const found = new Map<string, Setting[]>();
  for (const setting of settings) {
    const name = setting.key.split(".")[0] ?? "";
    const section = setting.key.includes(".") ? name : "general";
    found.set(section, [...(found.get(section) ?? []), setting]);
  }
  return [...found];
}

/** The settings that a refusal is about; all that were sent where it names none. */
export function fieldsNamed(message: string, keys: readonly string[]): readonly string[] {
  const named = keys.filter((key) => message.includes(key) || message.includes(key.split(".").at(-1) ?? key));
  return named.length ? named : keys;
}

const NAMES: Readonly<Record<string, string>> = { next_signal: "acts on the next signal", at_once: "acts at once", restart: "acts after a restart" };

/** What may be given, its default and when it acts, in one line. */
export function boundsOf({ minimum, maximum, unit, default: usual, effect, kind }: Setting): string {
  const range = minimum && maximum ? `${minimum} to ${maximum}` : minimum ? `at least ${minimum}` : maximum ? `at most ${maximum}` : "";
  const shape = range || (kind === "list" ? "separated by commas" : "");
  const parts = [shape && (unit ? `${shape} (${unit})` : shape), textOf(usual) && `default ${textOf(usual)}`, NAMES[effect] ?? effect];
  return parts.filter(Boolean).join(" · ");
}
