import { asFailure } from "../api/failure";
import type { Dashboard } from "../api/types";
import { EMPTY, fromSnapshot, step, type Message, type World } from "./reduce";

export type Link = "connecting" | "live" | "waiting" | "ended";

/** How the page hangs together with the session. */
export interface Status {
  link: Link;
  /** Since when it is not live, or when the last message came; milliseconds. */
  since: number;
  attempt: number;
  /** Why it is not live, in words. */
  reason: string;
}

export interface View {
  status: Status;
  world: World;
}

/** What the feed needs of the browser; tests give their own. */
export interface Surroundings {
  open: (address: string) => WebSocket;
  dashboard: () => Promise<Dashboard>;
  now: () => number;
  /** Call back after milliseconds; gives what calls it off. */
  after: (delay: number, action: () => void) => () => void;
  random: () => number;
}

/** Three heartbeats of 15 s without a word mean that the line is dead. */
export const SILENCE = 45_000;
/** A heartbeat and a little more. */
export const QUIET = 20_000;
/** For a connection to come about. */
export const PATIENCE = 5_000;
const TOO_SLOW = 1013;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

/** Keeps the stream of updates open: begins with a snapshot, goes on by number, comes back by itself. */
export class Feed {
  private view: View;
  private readonly listeners = new Set<() => void>();
  private socket: WebSocket | null = null;
  private cancel: () => void = () => undefined;
  private guard: () => void = () => undefined;
  private wanted = false;
  private began = 0;

  constructor(private readonly around: Surroundings) {
    this.view = { status: { link: "connecting", since: around.now(), attempt: 0, reason: "" }, world: EMPTY };
  }

  read = (): View => this.view;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(): void {
    this.wanted = true;
    this.connect();
  }

  stop(): void {
    this.wanted = false;
    this.cancel();
    this.drop();
    this.set({ status: { ...this.view.status, link: "ended" } });
  }

  /** Do not wait any longer: the page came back into view, or somebody pressed the button. */
  hurry = (): void => {
    if (!this.wanted) return;
    const { link, since } = this.view.status;
    // A line that nothing was heard of for longer than a heartbeat may be dead; so may one that does not come about.
    const quiet = this.around.now() - (link === "live" ? since : this.began);
    if (this.socket && quiet <= (link === "live" ? QUIET : PATIENCE)) return;
    if (link === "live") return this.lost(0, "nothing was heard for a while");
    this.cancel();
    this.drop();
    this.connect();
  };

  /** Look at once whether something has changed: what a person has done should not wait for the stream's next beat. */
  refresh = async (): Promise<void> => {
    const dashboard = await this.around.dashboard().catch(() => null);
    const { status, world } = this.view;
    // What was asked for before the stream told something newer is out of date.
    if (!dashboard || status.link !== "live" || (dashboard.sequence ?? -1) < (world.sequence ?? 0)) return;
    this.set({ world: fromSnapshot(world, dashboard) });
  };

  private connect(): void {
    const { sequence, instance } = this.view.world;
    const resume = sequence !== null && instance ? `&since=${sequence}&instance=${encodeURIComponent(instance)}` : "";
    // All that comes together in one frame: the page is drawn once for it, and the session has less to do.
    const socket = this.around.open(`/ws?batch=1${resume}`);
    this.socket = socket;
    this.began = this.around.now();
    socket.onmessage = (event) => this.socket === socket && this.take(String(event.data));
    socket.onclose = (event) => this.socket === socket && this.lost(event.code, event.reason);
    this.watch();
  }

  private take(text: string): void {
    const now = this.around.now();
    let world = this.view.world;
    if (this.view.status.link !== "live" && world.dashboard) world = { ...world, returns: world.returns + 1 };
    for (const message of messagesIn(text)) {
      const result = step(world, message);
      if (result.kind === "gap") return this.restart();
      if (result.kind === "applied") world = { ...result.world, clockAhead: aheadOf(message.timestamp, now) };
    }
    this.watch();
    this.set({ world, status: { link: "live", since: now, attempt: 0, reason: "" } });
  }

  /** Something was missed: forget the number, so that the next connection begins with a snapshot. */
  private restart(): void {
    this.drop();
    this.set({ world: { ...this.view.world, sequence: null } });
    this.connect();
  }

  private watch(): void {
    this.guard();
    this.guard = this.around.after(SILENCE, () => this.lost(0, "nothing was heard for 45 seconds"));
  }

  private lost(code: number, reason: string): void {
    this.drop();
    if (!this.wanted) return;
    const { status } = this.view;
    // What is shown is as old as the last message.
    const { since } = status;
    const why = code === TOO_SLOW && reason === "too slow" ? "the page was too slow and is catching up" : reason || (status.link === "live" ? "the connection was lost" : status.reason);
    this.set({ status: { link: "waiting", since, attempt: status.attempt + 1, reason: why } });
    this.cancel = this.around.after(delayOf(status.attempt, this.around.random()), () => this.connect());
    void this.ask();
  }

  /** The socket does not say why it failed; a plain call does, and brings what the page shows meanwhile. */
  private async ask(): Promise<void> {
    try {
      const dashboard = await this.around.dashboard();
      // A connection that is coming about goes on where the last one ended, or brings a snapshot of its own.
      if (this.view.status.link === "live" || this.socket) return;
      const reason = "the session answers, but not its stream of updates";
      this.set({ world: { ...fromSnapshot(this.view.world, dashboard), sequence: null }, status: { ...this.view.status, reason } });
    } catch (error) {
      const failure = asFailure(error);
      const reason = failure.isMissingRoute ? "this server has no stream of updates (/ws) and no /api/dashboard" : failure.message;
      if (this.view.status.link !== "live") this.set({ status: { ...this.view.status, reason } });
    }
  }

  private drop(): void {
    this.guard();
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private set(part: Partial<View>): void {
    this.view = { ...this.view, ...part };
    for (const listener of this.listeners) listener();
  }
}

/** Half a second, doubled with every failure up to 15 s, and up to a third more by chance, lest all pages return at once. */
export function delayOf(failures: number, random: number): number {
  return Math.min(FIRST_DELAY * 2 ** Math.min(failures, 10), LONGEST_DELAY) * (1 + random / 3);
}

/** What a frame says: one message or a list of them; nothing where it is neither. */
function messagesIn(text: string): readonly Message[] {
  try {
    const found = JSON.parse(text) as Message | Message[];
    return Array.isArray(found) ? found : [found];
  } catch {
    return [];
  }
}

function aheadOf(timestamp: string, now: number): number {
  const moment = Date.parse(timestamp);
  return Number.isNaN(moment) ? 0 : moment - now;
}
