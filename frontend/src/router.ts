import { useSyncExternalStore } from "react";

export interface Place {
  path: readonly string[];
  query: URLSearchParams;
}

const listeners = new Set<() => void>();
let known = { address: "", place: { path: [], query: new URLSearchParams() } as Place };

export function placeOf(address: string): Place {
  const [path = "", query = ""] = address.split("?");
  return { path: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function current(): Place {
  const address = location.pathname + location.search;
  if (address !== known.address) known = { address, place: placeOf(address) };
  return known.place;
}

function tell(): void {
  for (const listener of listeners) listener();
}

export function go(address: string, replace = false): void {
  if (address === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  tell();
  if (!replace) window.scrollTo(0, 0);
}

export function usePlace(): Place {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    window.addEventListener("popstate", listener);
    return () => {
      listeners.delete(listener);
      window.removeEventListener("popstate", listener);
    };
  }, current);
}

/** The same address with other values behind the question mark; empty ones are left out. */
export function withQuery(values: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return location.pathname + (text && `?${text}`);
}
