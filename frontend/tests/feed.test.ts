import { describe, expect, it } from "vitest";
import { ApiFailure } from "../src/api/failure";
import type { Dashboard } from "../src/api/types";
import { delayOf, Feed, SILENCE } from "../src/store/feed";
import { activity, dashboard } from "./fixtures";

/** A browser in which time passes only when it is told to. */
class Browser {
  sockets: { address: string; socket: FakeSocket }[] = [];
  time = 1_000_000;
  answer: () => Promise<Dashboard> = () => Promise.reject(new ApiFailure(0, "unreachable", "the session does not answer"));
  private timers: { due: number; action: () => void }[] = [];

  feed = new Feed({
    open: (address) => {
      const socket = new FakeSocket();
      this.sockets.push({ address, socket });
      return socket as unknown as WebSocket;
    },
    dashboard: () => this.answer(),
    now: () => this.time,
    after: (delay, action) => {
      const timer = { due: this.time + delay, action };
      this.timers.push(timer);
      return () => void (this.timers = this.timers.filter((one) => one !== timer));
    },
    random: () => 0,
  });

  get last(): FakeSocket {
    return this.sockets.at(-1)?.socket as FakeSocket;
  }

  get address(): string {
    return this.sockets.at(-1)?.address ?? "";
  }

  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      const next = this.timers.filter((timer) => timer.due <= end).sort((one, other) => one.due - other.due)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.time = next.due;
      next.action();
    }
    this.time = end;
    await settled();
  }

  say(type: string, sequence: number, data: unknown): void {
    this.last.onmessage?.({ data: JSON.stringify({ version: 1, timestamp: new Date(this.time).toISOString(), type, sequence, data }) });
  }
}

class FakeSocket {
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  closed = false;

  close(): void {
    this.closed = true;
  }
}

const settled = async (): Promise<void> => {
  for (let round = 0; round < 5; round++) await Promise.resolve();
};

function live(): Browser {
  const browser = new Browser();
  browser.feed.start();
  browser.say("snapshot", 10, dashboard);
  return browser;
}

describe("the feed", () => {
  it("is live once the first message is there", () => {
    const browser = new Browser();
    browser.feed.start();
    expect(browser.address).toBe("/ws?batch=1");
    expect(browser.feed.read().status.link).toBe("connecting");
    browser.say("snapshot", 10, dashboard);
    expect(browser.feed.read().status.link).toBe("live");
    expect(browser.feed.read().world.dashboard?.account.equity).toBe("100412.505");
  });

  it("takes what comes together as one picture", () => {
    const browser = live();
    let pictures = 0;
    browser.feed.subscribe(() => void pictures++);
    const message = (sequence: number) => ({ version: 1, timestamp: "2025-11-26T15:00:00Z", type: "activity", sequence, data: { ...activity, id: `live-${sequence}` } });
    browser.last.onmessage?.({ data: JSON.stringify([message(11), message(12), message(13)]) });
    expect([pictures, browser.feed.read().world.sequence]).toEqual([1, 13]);
    browser.last.onmessage?.({ data: JSON.stringify([message(14), message(16)]) });
    expect(browser.sockets).toHaveLength(2);
  });

  it("takes a newer picture that was asked for, and leaves an older one alone", async () => {
    const browser = live();
    const halted = { ...dashboard, session: { ...dashboard.session, trading_state: "halted" as const } };
    browser.answer = () => Promise.resolve({ ...halted, sequence: 9 });
    await browser.feed.refresh();
    expect(browser.feed.read().world.dashboard?.session.trading_state).toBe("active");
    browser.answer = () => Promise.resolve({ ...halted, sequence: 12 });
    await browser.feed.refresh();
    expect(browser.feed.read().world).toMatchObject({ sequence: 12, dashboard: { session: { trading_state: "halted" } } });
    browser.say("activity", 12, activity);
    browser.say("activity", 13, { ...activity, id: "live-13" });
    expect(browser.feed.read()).toMatchObject({ status: { link: "live" }, world: { sequence: 13 } });
  });

  it("says why it was sent away", () => {
    const browser = live();
    browser.last.onclose?.({ code: 1013, reason: "too slow" });
    expect(browser.feed.read().status.reason).toBe("the page was too slow and is catching up");
  });

  it("goes on by number after a break, and says meanwhile that it is not live", async () => {
    const browser = live();
    browser.say("activity", 11, activity);
    browser.last.onclose?.({ code: 1006, reason: "" });
    await settled();
    expect(browser.feed.read().status).toMatchObject({ link: "waiting", attempt: 1, reason: "the session does not answer" });
    await browser.pass(500);
    expect(browser.address).toBe("/ws?batch=1&since=11&instance=i-1");
    browser.say("activity", 12, { ...activity, id: "live-32" });
    expect(browser.feed.read().status.link).toBe("live");
    expect(browser.feed.read().world.sequence).toBe(12);
  });

  it("asks for a snapshot when a message is missing", () => {
    const browser = live();
    browser.say("activity", 13, activity);
    expect(browser.sockets).toHaveLength(2);
    expect(browser.sockets[0]?.socket.closed).toBe(true);
    expect(browser.address).toBe("/ws?batch=1");
    browser.say("snapshot", 13, dashboard);
    expect(browser.feed.read()).toMatchObject({ status: { link: "live" }, world: { sequence: 13 } });
  });

  it("waits longer after each failure, and begins anew after a success", async () => {
    expect([0, 1, 2, 5, 40].map((failures) => delayOf(failures, 0))).toEqual([500, 1000, 2000, 15_000, 15_000]);
    expect(delayOf(0, 1)).toBeCloseTo(666.7, 0);
    const browser = live();
    for (const delay of [500, 1000, 2000]) {
      browser.last.onclose?.({ code: 1006, reason: "" });
      const before = browser.sockets.length;
      await browser.pass(delay - 1);
      expect(browser.sockets).toHaveLength(before);
      await browser.pass(1);
      expect(browser.sockets).toHaveLength(before + 1);
    }
    browser.say("snapshot", 1, dashboard);
    expect(browser.feed.read().status.attempt).toBe(0);
  });

  it("does not trust a line on which nothing is heard", async () => {
    const browser = live();
    await browser.pass(SILENCE - 1);
    expect(browser.feed.read().status.link).toBe("live");
    await browser.pass(1);
    expect(browser.feed.read().status.link).toBe("waiting");
    expect(browser.sockets[0]?.socket.closed).toBe(true);
  });

  it("a heartbeat keeps it alive", async () => {
    const browser = live();
    for (let beat = 1; beat <= 6; beat++) {
      await browser.pass(15_000);
      browser.say("heartbeat", 10 + beat, { server_time: "2025-11-26T15:00:00Z" });
    }
    expect(browser.feed.read().status.link).toBe("live");
    expect(browser.sockets).toHaveLength(1);
  });

  it("shows what a plain call says where there is no stream", async () => {
    const browser = new Browser();
    browser.answer = () => Promise.resolve(dashboard);
    browser.feed.start();
    browser.last.onclose?.({ code: 1006, reason: "" });
    await settled();
    const { status, world } = browser.feed.read();
    expect(world.dashboard?.account.equity).toBe("100412.505");
    expect(status).toMatchObject({ link: "waiting", reason: "the session answers, but not its stream of updates" });
    await browser.pass(500);
    expect(browser.address).toBe("/ws?batch=1");
  });

  it("says plainly that a server has neither", async () => {
    const browser = new Browser();
    browser.answer = () => Promise.reject(new ApiFailure(404, "not_found", "there is nothing at /api/dashboard"));
    browser.feed.start();
    browser.last.onclose?.({ code: 1006, reason: "" });
    await settled();
    expect(browser.feed.read().status.reason).toContain("no stream of updates");
  });

  it("does not hurry twice, and stays away once it is stopped", async () => {
    const browser = live();
    browser.last.onclose?.({ code: 1006, reason: "" });
    browser.feed.hurry();
    browser.feed.hurry();
    expect(browser.sockets).toHaveLength(2);
    browser.feed.stop();
    await browser.pass(60_000);
    expect(browser.sockets).toHaveLength(2);
    expect(browser.feed.read().status.link).toBe("ended");
  });

  it("passes by what is no message", () => {
    const browser = live();
    browser.last.onmessage?.({ data: "no json" });
    expect(browser.feed.read().world.sequence).toBe(10);
  });
});
