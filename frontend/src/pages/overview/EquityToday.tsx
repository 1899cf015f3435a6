import { client } from "../../api/client";
import type { DayEquity, Point } from "../../api/types";
import { hourAndMinute, milliseconds } from "../../format/time";
import { useData } from "../../store/data";
import { useDashboard, useWorld } from "../../store/live";
import { Curves } from "../../ui/Curves";
import { Card, Empty, Failure } from "../../ui/parts";

const EVERY = 15_000;

/** How equity went since the trading day began; its last point moves with the stream. */
export function EquityToday() {
  const instance = useWorld((world) => world.instance);
  const { data, failure } = useData(instance, (signal) => client.get<DayEquity>("/api/equity", {}, signal), EVERY);
  const now = useDashboard((dashboard) => dashboard.pnl.total_equity);
  const lastBar = useDashboard((dashboard) => dashboard.connection.last_bar_at);
  const points = data ? upToNow(data.points.map((one) => [one.time, one.equity] as const), now, lastBar) : [];
  const [first, last] = [points[0], points.at(-1)];
  const start = data?.start_equity;
  const curves = [
    { name: "Equity", points },
    ...(start && first && last ? [{ name: "Start of day", points: [[first[0], start], [last[0], start]] as const }] : []),
  ];
  return (
    <Card title="Equity today" className="equity">
      {points.length > 1 && <Curves curves={curves} label={`Equity today from ${first?.[1] ?? ""} to ${last?.[1] ?? ""}`} end={hourAndMinute} isOneDay />}
      {data && points.length < 2 && <Empty title="Nothing has happened yet">The curve begins with the trading day.</Empty>}
      {!data && failure && <Failure failure={failure} what="equity over the day" />}
    </Card>
  );
}

/** The points with the newest figure as the last one: at the last bar, where that has come since they were asked for. */
export function upToNow(points: readonly Point[], now: string | null | undefined, lastBar: string | null | undefined): readonly Point[] {
  const last = points.at(-1);
  if (!last || !now) return points;
  return lastBar && milliseconds(lastBar) > milliseconds(last[0]) ? [...points, [lastBar, now]] : [...points.slice(0, -1), [last[0], now]];
}
