import { memo, useState } from "react";
import type { Activity } from "../../api/types";
import { sentence, words } from "../../format/words";
import { useDashboard } from "../../store/live";
import { Link, orderLink, symbolLink } from "../../ui/Link";
import { Card, Empty } from "../../ui/parts";
import { CsvButton, type Column } from "../../ui/Table";
import { Time } from "../../ui/values";
import { eventOf, momentOf, toneOf } from "./activity";

const COLUMNS: readonly Column<Activity>[] = [
  { title: "Time (UTC)", csv: momentOf, show: momentOf },
  { title: "Kind", csv: eventOf, show: (row) => row.kind },
  { title: "Level", csv: (row) => row.level, show: (row) => row.level },
  { title: "Symbol", csv: (row) => row.symbol, show: (row) => row.symbol },
  { title: "Message", csv: (row) => row.message, show: (row) => row.message },
  { title: "Correlation", csv: (row) => row.correlation_id, show: (row) => row.correlation_id },
];

const FILTERS = [
  ["all", "All"],
  ["trades", "Orders"],
  ["signals", "Signals"],
  ["trouble", "Trouble"],
] as const;

type Filter = (typeof FILTERS)[number][0];

const FITS: Readonly<Record<Filter, (one: Activity) => boolean>> = {
  all: () => true,
  trades: (one) => /order|stop|trade|fill|exit/.test(one.kind),
  signals: (one) => one.kind.startsWith("signal"),
  trouble: (one) => one.level === "error" || one.level === "critical" || one.level === "warning" || one.kind === "circuit_breaker",
};

/** What happened, newest first. */
export function ActivityFeed() {
  const all = useDashboard((dashboard) => dashboard.recent_activity);
  const [filter, setFilter] = useState<Filter>("all");
  const rows = (all ?? []).filter(FITS[filter]);
  const tools = (
    <>
      <select className="input compact" aria-label="Which activity" value={filter} onChange={(event) => setFilter(event.target.value as Filter)}>
        {FILTERS.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      <CsvButton name="activity" columns={COLUMNS} read={() => rows} />
    </>
  );
  return (
    <Card title="Activity" bare tools={tools} className="feed-card">
      {rows.length === 0 && <Empty title={all ? "Nothing has happened yet" : "\u00a0"}>{all ? "Signals, orders and fills appear here as they happen." : ""}</Empty>}
      <ol className="feed" tabIndex={0} aria-label="Activity, newest first">
        {rows.map((one) => (
          <Entry key={one.id} one={one} />
        ))}
      </ol>
    </Card>
  );
}

const Entry = memo(function Entry({ one }: { one: Activity }) {
  const name = words(eventOf(one));
  return (
    <li className={`entry ${toneOf(one)}`}>
      <span className="muted small">
        <Time value={momentOf(one)} />
      </span>
      <div>
        <span className="entry-kind">{one.order_id ? <Link href={orderLink(one.order_id)}>{name}</Link> : name}</span>
        {one.symbol && (
          <Link href={symbolLink(one.symbol)} className="strong">
            {one.symbol}
          </Link>
        )}
        {one.message.toLowerCase() !== name.toLowerCase() && <p>{sentence(one.message)}</p>}
      </div>
    </li>
  );
});
