import { describe, expect, it } from "vitest";
import type { Dashboard } from "../src/api/types";
import { EMPTY, FEED_LIMIT, step, type Message, type World } from "../src/store/reduce";
import { activity, dashboard, order, position, strategy } from "./fixtures";

const message = (type: string, sequence: number | null, data: unknown): Message => ({ version: 1, timestamp: "2025-11-26T15:00:00Z", type, sequence, data });

function after(world: World, ...messages: Message[]): World {
  return messages.reduce((before, one) => {
    const result = step(before, one);
    return result.kind === "applied" ? result.world : before;
  }, world);
}

const begun = after(EMPTY, message("snapshot", 10, dashboard));
const shown = (world: World): Dashboard => world.dashboard as Dashboard;

describe("the stream", () => {
  it("begins with a snapshot", () => {
    expect(begun.sequence).toBe(10);
    expect(begun.instance).toBe("i-1");
    expect(shown(begun).account.equity).toBe("100412.505");
  });

  it("goes on by number", () => {
    const next = after(begun, message("position_update", 11, { positions: [{ ...position, current_price: "170.00" }] }));
    expect(next.sequence).toBe(11);
    expect(shown(next).positions).toHaveLength(1);
    expect(shown(next).positions[0]?.current_price).toBe("170.00");
  });

  it("notices what it missed, and passes by what it knows", () => {
    expect(step(begun, message("heartbeat", 12, {})).kind).toBe("gap");
    expect(step(begun, message("activity", 10, activity)).kind).toBe("ignored");
    expect(step(begun, message("activity", 3, activity)).kind).toBe("ignored");
    expect(step(begun, { ...message("activity", 11, activity), version: 2 }).kind).toBe("ignored");
  });

  it("carries money from one message into ribbon and account", () => {
    const pnl = { today_pnl: "500.00", today_pnl_pct: "0.5", unrealized_pnl: "100.00", realized_pnl: "400.00", total_equity: "100500.00", buying_power: "80000.00" };
    const next = shown(after(begun, message("pnl_update", 11, pnl)));
    expect(next.pnl.today_pnl).toBe("500.00");
    expect(next.pnl.wins_today).toBe(2);
    expect([next.account.equity, next.account.buying_power, next.account.cash]).toEqual(["100500.00", "80000.00", "83912.50"]);
  });

  it("puts what happens on top and forgets what is old", () => {
    const many = Array.from({ length: FEED_LIMIT + 5 }, (_, index) => message("activity", 11 + index, { ...activity, id: `live-${index}` }));
    const feed = shown(after(begun, ...many)).recent_activity;
    expect(feed).toHaveLength(FEED_LIMIT);
    expect(feed[0]?.id).toBe(`live-${FEED_LIMIT + 4}`);
  });

  it("tells strategies of one name apart by symbol", () => {
    const next = shown(after(begun, message("strategy_state", 11, { ...strategy, symbol: "MSFT", status: "signal_active" })));
    expect(next.strategies.map((one) => one.status)).toEqual(["in_position", "signal_active", "warming_up", "paused", "signal_active"]);
    const added = shown(after(begun, message("strategy_state", 11, { ...strategy, symbol: "TSLA" })));
    expect(added.strategies).toHaveLength(6);
  });

  it("takes over streams, session and alerts", () => {
    const next = shown(
      after(
        begun,
        message("connection_status", 11, { ...dashboard.connection, status: "shutting_down" }),
        message("session", 12, { ...dashboard.session, trading_state: "halted" }),
        message("alerts", 13, { alerts: [] }),
      ),
    );
    expect([next.connection.status, next.session.trading_state, next.alerts.length]).toEqual(["shutting_down", "halted", 0]);
  });

  it("leaves alone what a message does not touch", () => {
    const next = after(begun, message("order", 11, order));
    expect(next.dashboard).toBe(begun.dashboard);
    expect(next.orders["a1-7"]?.state).toBe("filled");
    expect(next.ordersSeen).toBe(begun.ordersSeen + 1);
  });

  it("forgets what another run of the server said", () => {
    const held = after(begun, message("order", 11, order));
    const other = after(held, message("snapshot", 1, { ...dashboard, session: { ...dashboard.session, instance: "i-2" } }));
    expect([other.sequence, other.instance, Object.keys(other.orders)]).toEqual([1, "i-2", []]);
    expect(other.ordersSeen).toBeGreaterThan(held.ordersSeen);
  });

  it("adds progress to a job without losing what is known of it", () => {
    const job = { id: "b1", kind: "backtest", title: "velez", state: "running", progress: 0.2, message: "" };
    const next = after(begun, message("job", 11, job), message("job", 12, { ...job, progress: 0.7 }));
    expect(next.jobs["b1"]?.progress).toBe(0.7);
  });
});
