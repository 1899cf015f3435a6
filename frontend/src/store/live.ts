import { useEffect, useState, useSyncExternalStore } from "react";
import { client } from "../api/client";
import type { Dashboard } from "../api/types";
import { Feed, type Status, type View } from "./feed";
import type { World } from "./reduce";

function open(address: string): WebSocket {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${location.host}${address}`);
}

export const feed = new Feed({
  open,
  dashboard: () => client.get<Dashboard>("/api/dashboard"),
  now: () => Date.now(),
  after: (delay, action) => {
    const timer = setTimeout(action, delay);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
});

export function startFeed(): void {
  feed.start();
  window.addEventListener("online", feed.hurry);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") feed.hurry();
  });
}

function useView<T>(choose: (view: View) => T): T {
  return useSyncExternalStore(feed.subscribe, () => choose(feed.read()));
}

/** A part of what is known; it must be a part of the world itself, not something new at every call. */
export function useWorld<T>(choose: (world: World) => T): T {
  return useView((view) => choose(view.world));
}

export function useStatus(): Status {
  return useView((view) => view.status);
}

/** A part of the dashboard, or the fallback while nothing is known. */
export function useDashboard<T>(choose: (dashboard: Dashboard) => T): T | null {
  return useWorld((world) => (world.dashboard ? choose(world.dashboard) : null));
}

/** The session's clock, going on between messages. */
export function useSessionNow(every = 1000): number {
  const isKnown = useWorld((world) => world.dashboard !== null);
  const [now, setNow] = useState(sessionNow);
  useEffect(() => {
    const look = (): void => setNow(sessionNow());
    // The first message brings the session's clock, which in a replay is nowhere near the browser's.
    look();
    const timer = setInterval(look, every);
    return () => clearInterval(timer);
  }, [every, isKnown]);
  return now;
}

const sessionNow = (): number => Date.now() + feed.read().world.clockAhead;
