import type { Account, Activity, Alert, Bar, Connection, Dashboard, Job, Order, Pnl, Position, SessionInfo, StrategyState } from "../api/types";

/** One message of the stream. */
export interface Message {
  version: number;
  timestamp: string;
  type: string;
  sequence?: number | null;
  data: unknown;
}

export interface LiveBar {
  symbol: string;
  interval: string;
  bar: Bar;
}

/** What the page knows of the session. Parts that a message does not touch stay the very same objects. */
export interface World {
  dashboard: Dashboard | null;
  sequence: number | null;
  instance: string;
  bars: Readonly<Record<string, LiveBar>>;
  orders: Readonly<Record<string, Order>>;
  jobs: Readonly<Record<string, Job>>;
  /** Milliseconds that the session's clock is ahead of this machine's; a rehearsal runs faster than life. */
  clockAhead: number;
  /** Counts what makes lists of the server out of date. */
  ordersSeen: number;
  tripsSeen: number;
  /** Counts how often the page has come back to the session: what was read before may be out of date. */
  returns: number;
}

export const EMPTY: World = {
  dashboard: null,
  sequence: null,
  instance: "",
  bars: {},
  orders: {},
  jobs: {},
  clockAhead: 0,
  ordersSeen: 0,
  tripsSeen: 0,
  returns: 0,
};

export const FEED_LIMIT = 200;
const KEPT_ORDERS = 500;

export type Step = { kind: "applied"; world: World } | { kind: "ignored" } | { kind: "gap" };

/** What a message makes of the world; `gap` when one before it was missed, after which only a snapshot helps. */
export function step(world: World, message: Message): Step {
  if (message.version !== 1) return { kind: "ignored" };
  if (message.type === "snapshot") return { kind: "applied", world: fromSnapshot(world, message.data as Dashboard, message.sequence) };
  const sequence = message.sequence;
  if (typeof sequence === "number" && world.sequence !== null) {
    // A heartbeat or an error may carry the number of the last message instead of one of its own.
    if (sequence <= world.sequence) return { kind: "ignored" };
    if (sequence > world.sequence + 1) return { kind: "gap" };
  }
  const next = typeof sequence === "number" ? { ...world, sequence } : world;
  return { kind: "applied", world: increment(next, message) };
}

export function fromSnapshot(world: World, dashboard: Dashboard, sequence?: number | null): World {
  const instance = dashboard.session?.instance ?? "";
  // Orders and bars of before may have changed meanwhile; they are asked for again, and told again when they change.
  const kept = { ordersSeen: world.ordersSeen, tripsSeen: world.tripsSeen, returns: world.returns };
  const base = instance === world.instance ? { ...world, orders: {}, bars: {} } : { ...EMPTY, ...kept };
  const found = sequence ?? dashboard.sequence ?? null;
  // Lists read before may lack what happened while the page was away.
  return { ...base, dashboard, instance, sequence: found, ordersSeen: base.ordersSeen + 1, tripsSeen: base.tripsSeen + 1 };
}

function increment(world: World, { type, data }: Message): World {
  switch (type) {
    case "bar": {
      const bar = data as LiveBar;
      return { ...world, bars: { ...world.bars, [bar.symbol]: bar } };
    }
    case "order": {
      const order = data as Order;
      return { ...world, orders: keep(world.orders, order.local_id, order), ordersSeen: world.ordersSeen + 1 };
    }
    case "round_trip":
      return { ...world, tripsSeen: world.tripsSeen + 1 };
    case "job": {
      const job = data as Job;
      return { ...world, jobs: keep(world.jobs, job.id, { ...world.jobs[job.id], ...job }) };
    }
    default:
      return world.dashboard ? { ...world, dashboard: change(world.dashboard, type, data) } : world;
  }
}

function change(dashboard: Dashboard, type: string, data: unknown): Dashboard {
  switch (type) {
    case "position_update":
      return { ...dashboard, positions: listIn<Position>(data, "positions") };
    case "pnl_update": {
      const pnl = data as Pnl & Partial<Account>;
      return { ...dashboard, pnl: { ...dashboard.pnl, ...pnl }, account: accountAfter(dashboard.account, pnl) };
    }
    case "activity":
      return { ...dashboard, recent_activity: [data as Activity, ...dashboard.recent_activity].slice(0, FEED_LIMIT) };
    case "strategy_state":
      return { ...dashboard, strategies: replaced(dashboard.strategies, data) };
    case "connection_status":
      return { ...dashboard, connection: { ...dashboard.connection, ...(data as Partial<Connection>) } };
    case "session":
      return { ...dashboard, ...sessionPart(dashboard, data as Partial<SessionInfo> & { alerts?: readonly Alert[] }) };
    case "alerts":
      return { ...dashboard, alerts: listIn<Alert>(data, "alerts") };
    default:
      return dashboard;
  }
}

function sessionPart(dashboard: Dashboard, data: Partial<SessionInfo> & { alerts?: readonly Alert[] }): Partial<Dashboard> {
  const { alerts, ...session } = data;
  return { session: { ...dashboard.session, ...session }, ...(alerts && { alerts }) };
}

/** A list that comes bare or under its name. */
function listIn<T>(data: unknown, name: string): readonly T[] {
  if (Array.isArray(data)) return data as T[];
  const found = (data as Record<string, unknown> | null)?.[name];
  return Array.isArray(found) ? (found as T[]) : [];
}

function accountAfter(account: Account, pnl: Pnl & Partial<Account>): Account {
  return {
    ...account,
    equity: pnl.total_equity ?? account.equity,
    buying_power: pnl.buying_power ?? account.buying_power,
    cash: pnl.cash ?? account.cash,
    margin_used: pnl.margin_used ?? account.margin_used ?? null,
  };
}

function replaced(known: readonly StrategyState[], data: unknown): readonly StrategyState[] {
  const changed = Array.isArray(data) ? (data as StrategyState[]) : [data as StrategyState];
  const isSame = (one: StrategyState, other: StrategyState): boolean => one.name === other.name && one.symbol === other.symbol;
  const kept = known.map((one) => changed.find((other) => isSame(one, other)) ?? one);
  return [...kept, ...changed.filter((one) => !known.some((other) => isSame(one, other)))];
}

function keep<T>(known: Readonly<Record<string, T>>, key: string, value: T): Readonly<Record<string, T>> {
  const next = { ...known, [key]: value };
  const names = Object.keys(next);
  if (names.length > KEPT_ORDERS) delete next[names[0] as string];
  return next;
}
