import { useState } from "react";
import { client } from "../../api/client";
import type { Page, Trip } from "../../api/types";
import { quantity } from "../../format/decimal";
import { duration, midnight } from "../../format/time";
import { words } from "../../format/words";
import { go, withQuery, type Place } from "../../router";
import { useData, usePaced } from "../../store/data";
import { useWorld } from "../../store/live";
import { TextField } from "../../ui/Field";
import { Link, symbolLink, tradeLink } from "../../ui/Link";
import { Badge, Button, Card, Empty, Failure, PageHead } from "../../ui/parts";
import { CsvButton, Pager, Table, type Column } from "../../ui/Table";
import { complain } from "../../ui/toasts";
import { Money, Percent, Price, Time } from "../../ui/values";
import { Notes } from "./Notes";
import { everything, LIMIT } from "./paging";
import { OrdersTabs } from "./Tabs";

function columns(open: (trip: Trip) => void): readonly Column<Trip>[] {
  return [
    { title: "Closed", csv: (row) => row.exit_at, show: (row) => <Time value={row.exit_at} full /> },
    { title: "Symbol", csv: (row) => row.symbol, show: (row) => <Link href={symbolLink(row.symbol)} className="strong">{row.symbol}</Link> },
    { title: "Side", csv: (row) => row.side, show: (row) => <Badge tone={row.side === "short" ? "violet" : "info"}>{words(row.side)}</Badge> },
    { title: "Quantity", number: true, csv: (row) => row.qty, show: (row) => quantity(row.qty) },
    { title: "Entry", number: true, csv: (row) => row.entry_price, show: (row) => <Price value={row.entry_price} /> },
    { title: "Exit", number: true, csv: (row) => row.exit_price, show: (row) => <Price value={row.exit_price} /> },
    { title: "P&L", number: true, csv: (row) => row.pnl, show: (row) => <Money value={row.pnl} signed /> },
    { title: "P&L %", number: true, csv: (row) => row.pnl_pct, show: (row) => <Percent value={row.pnl_pct} signed /> },
    { title: "Commission", number: true, csv: (row) => row.commission, show: (row) => <Money value={row.commission} /> },
    { title: "Held", number: true, csv: (row) => row.duration_seconds, show: (row) => duration(row.duration_seconds) },
    { title: "Opened", csv: (row) => row.entry_at, show: (row) => <Time value={row.entry_at} full /> },
    { title: "Strategy", csv: (row) => row.strategy, show: (row) => <span className="muted">{row.strategy}</span> },
    { title: "Id", csv: (row) => row.trade_id, show: (row) => <TradeId trip={row} /> },
    { title: "Notes", show: (row) => <Button look="small" aria-label={`Notes on ${row.trade_id}`} onClick={() => open(row)}>Notes</Button> },
  ];
}

function TradeId({ trip }: { trip: Trip }) {
  if (!trip.correlation_id) return <span className="mono">{trip.trade_id}</span>;
  return <Link href={tradeLink(trip.correlation_id)} className="mono" title="Its orders">{trip.trade_id}</Link>;
}

export default function TripsPage({ place }: { place: Place }) {
  const [symbol, strategy, since] = ["symbol", "strategy", "since"].map((name) => place.query.get(name) ?? "") as [string, string, string];
  const offset = Number(place.query.get("offset")) || 0;
  const [chosen, setChosen] = useState<Trip | null>(null);
  const query = { symbol, strategy, since: since && midnight(since) };
  const seen = usePaced(useWorld((world) => world.tripsSeen));
  const { data, failure } = useData(JSON.stringify([query, offset, seen]), (signal) =>
    client.get<Page<Trip>>("/api/round-trips", { ...query, limit: LIMIT, offset }, signal),
  );
  const filter = (name: string, value: string): void => go(withQuery({ [name]: value, offset: "" }), true);
  const rows = data?.items ?? [];
  const shown = columns(setChosen);
  return (
    <>
      <PageHead title="Round trips" tools={<OrdersTabs at="round-trips" />} />
      <Card
        bare
        title={
          <span className="filters">
            <TextField label="Symbol" value={symbol} maxLength={20} onChange={(event) => filter("symbol", event.target.value.toUpperCase())} />
            <TextField label="Strategy" value={strategy} maxLength={60} onChange={(event) => filter("strategy", event.target.value)} />
            <TextField label="Since" type="date" value={since} onChange={(event) => filter("since", event.target.value)} />
          </span>
        }
        tools={<CsvButton name="round-trips" columns={shown} read={() => everything<Trip>("/api/round-trips", query)} onFailure={complain} />}
      >
        {rows.length > 0 && <Table label="Round trips" columns={shown} rows={rows} keyOf={(row) => row.trade_id} />}
        {rows.length === 0 && failure && <Failure failure={failure} what="a list of round trips" />}
        {rows.length === 0 && !failure && <Empty title={data ? "No round trips" : "\u00a0"}>{data && "A round trip appears here when a position is closed."}</Empty>}
        {data && <Pager offset={offset} limit={LIMIT} count={rows.length} more={data?.more ?? false} onMove={(to) => go(withQuery({ offset: to ? String(to) : "" }))} />}
      </Card>
      {chosen && <Notes trip={chosen} onClose={() => setChosen(null)} />}
    </>
  );
}
