import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "algo-trader.theme";
const OPERATOR = "algo-trader.operator";
const listeners = new Set<() => void>();

function read(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function write(key: string, value: string): void {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing forgets it at the next visit; that is all.
  }
}

export function theme(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function setTheme(chosen: Theme): void {
  if (chosen === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
  write(KEY, chosen === "system" ? "" : chosen);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    system.removeEventListener("change", listener);
  };
}

export function isDark(): boolean {
  const chosen = theme();
  return chosen === "dark" || (chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, theme);
export const useIsDark = (): boolean => useSyncExternalStore(subscribe, isDark);

/** The name under which a person's actions go on record. */
export const operator = (): string => read(OPERATOR) || "operator";
export const setOperator = (name: string): void => write(OPERATOR, name.trim());
