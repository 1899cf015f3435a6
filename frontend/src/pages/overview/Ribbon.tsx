import type { ReactNode } from "react";
import { decimal, share, signOf, subtract } from "../../format/decimal";
import { plural, words } from "../../format/words";
import { useDashboard } from "../../store/live";
import type { Dashboard } from "../../api/types";
import { Money, Percent } from "../../ui/values";

/** Six figures that say how the day goes. */
export function Ribbon() {
  const account = useDashboard((dashboard) => dashboard.account);
  const pnl = useDashboard((dashboard) => dashboard.pnl);
  const positions = useDashboard((dashboard) => dashboard.positions);
  const strategies = useDashboard((dashboard) => dashboard.strategies);
  const trips = pnl?.trips_today ?? 0;
  const wins = pnl?.wins_today ?? 0;
  return (
    <dl className="ribbon">
      <Tile title="Balance" below={<SinceYesterday account={account} />}>
        <Money value={account?.equity} />
      </Tile>
      <Tile title="Today’s P&L" below={<Percent value={pnl?.today_pnl_pct} signed />}>
        <Money value={pnl?.today_pnl} signed />
      </Tile>
      <Tile title="Open positions" below={<>unrealized <Money value={pnl?.unrealized_pnl} signed /></>}>
        {positions ? positions.length : "–"}
      </Tile>
      <Tile title="Win rate today" below={trips ? `${wins} of ${plural(trips, "round trip")}` : "no round trips yet"}>
        {share(wins, trips)}
      </Tile>
      <Tile title="Buying power" below={<>cash <Money value={account?.cash} /></>}>
        <Money value={account?.buying_power} />
      </Tile>
      <Tile title="Strategies" below={strategies ? summary(strategies) : "\u00a0"}>
        {strategies ? `${strategies.filter((one) => one.enabled).length} of ${strategies.length} on` : "–"}
      </Tile>
    </dl>
  );
}

function Tile({ title, below, children }: { title: string; below: ReactNode; children: ReactNode }) {
  return (
    <div className="tile card">
      <dt>{title}</dt>
      <dd className="tile-value">{children}</dd>
      <dd className="tile-below">{below}</dd>
    </div>
  );
}

function SinceYesterday({ account }: { account: Dashboard["account"] | null }) {
  if (!account?.start_of_day_equity) return <>since yesterday –</>;
  const change = subtract(account.equity, account.start_of_day_equity);
  const sign = signOf(change);
  return (
    <span className={sign > 0 ? "gain" : sign < 0 ? "loss" : ""}>
      {decimal(change, { least: 2, most: 2, prefix: "$", sign: true })} <span className="muted">since yesterday</span>
    </span>
  );
}

const ORDER = ["in_position", "signal_active", "watching", "warming_up", "paused"];

function summary(strategies: Dashboard["strategies"]): string {
  const counts = ORDER.map((status) => [status, strategies.filter((one) => one.status === status).length] as const);
  const found = counts.filter(([, count]) => count > 0).map(([status, count]) => `${count} ${words(status).toLowerCase()}`);
  return found.slice(0, 2).join(", ") || "none";
}
