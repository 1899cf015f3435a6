import { client } from "../../api/client";
import type { Order, Page } from "../../api/types";
import { quantity } from "../../format/decimal";
import { words } from "../../format/words";
import { go, withQuery, type Place } from "../../router";
import { useData, usePaced } from "../../store/data";
import { useWorld } from "../../store/live";
import { SelectField, TextField } from "../../ui/Field";
import { Link, orderLink, symbolLink } from "../../ui/Link";
import { Badge, Button, Card, Empty, Failure, PageHead } from "../../ui/parts";
import { CsvButton, Pager, Table, type Column } from "../../ui/Table";
import { complain } from "../../ui/toasts";
import { Price, Time } from "../../ui/values";
import { OrderLifePage } from "./OrderLife";
import { everything, LIMIT } from "./paging";
import { stateTone } from "./states";
import { OrdersTabs } from "./Tabs";

const COLUMNS: readonly Column<Order>[] = [
  { title: "Made", csv: (row) => row.created_at, show: (row) => <Link href={orderLink(row.local_id)}><Time value={row.created_at} full /></Link> },
  { title: "Symbol", csv: (row) => row.symbol, show: (row) => <Link href={symbolLink(row.symbol)} className="strong">{row.symbol}</Link> },
  { title: "Side", csv: (row) => row.side, show: (row) => <Badge tone={row.side === "sell" ? "violet" : "info"}>{words(row.side)}</Badge> },
  { title: "Role", csv: (row) => row.order_role, show: (row) => words(row.order_role) },
  { title: "Type", csv: (row) => row.order_type, show: (row) => words(row.order_type) },
  { title: "Quantity", number: true, csv: (row) => row.qty_requested, show: (row) => quantity(row.qty_requested) },
  { title: "Filled", number: true, csv: (row) => row.qty_filled, show: (row) => quantity(row.qty_filled) },
  { title: "Stop", number: true, csv: (row) => row.stop_price, show: (row) => <Price value={row.stop_price} /> },
  { title: "Limit", number: true, csv: (row) => row.limit_price, show: (row) => <Price value={row.limit_price} /> },
  { title: "Average fill", number: true, csv: (row) => row.avg_fill_price, show: (row) => <Price value={row.avg_fill_price} /> },
  { title: "State", csv: (row) => row.state, show: (row) => <Badge tone={stateTone(row.state)} title={row.last_error ?? ""}>{words(row.state)}</Badge> },
  { title: "Strategy", csv: (row) => row.strategy, show: (row) => <span className="muted">{row.strategy}</span> },
  { title: "Id", csv: (row) => row.local_id, show: (row) => <Link href={orderLink(row.local_id)} className="mono">{row.local_id}</Link> },
];

const STATES: readonly (readonly [string, string])[] = [
  ["", "All states"],
  ["open", "Open"],
  ["final", "Ended"],
  ["filled", "Filled"],
  ["canceled", "Canceled"],
  ["rejected", "Rejected"],
  ["unknown", "Unknown"],
];

export default function OrdersPage({ place }: { place: Place }) {
  const id = place.path[1];
  return id ? <OrderLifePage key={id} id={id} /> : <Orders place={place} />;
}

function Orders({ place }: { place: Place }) {
  const [symbol, strategy, state] = ["symbol", "strategy", "state"].map((name) => place.query.get(name) ?? "") as [string, string, string];
  const correlation_id = place.query.get("correlation_id") ?? "";
  const offset = Number(place.query.get("offset")) || 0;
  const query = { symbol, strategy, state, correlation_id };
  const seen = usePaced(useWorld((world) => world.ordersSeen));
  const key = JSON.stringify([query, offset, seen]);
  const { data, failure } = useData(key, (signal) => client.get<Page<Order>>("/api/orders", { ...query, limit: LIMIT, offset }, signal));
  const filter = (name: string, value: string): void => go(withQuery({ [name]: value, offset: "" }), true);
  const rows = data?.items ?? [];
  return (
    <>
      <PageHead title="Orders" tools={<OrdersTabs at="orders" />} />
      <Card
        bare
        title={
          <span className="filters">
            <TextField label="Symbol" value={symbol} maxLength={20} onChange={(event) => filter("symbol", event.target.value.toUpperCase())} />
            <TextField label="Strategy" value={strategy} maxLength={60} onChange={(event) => filter("strategy", event.target.value)} />
            <SelectField label="State" value={state} options={STATES} onChange={(event) => filter("state", event.target.value)} />
            {correlation_id && <Button look="small" onClick={() => filter("correlation_id", "")}>Of one trade: show all</Button>}
          </span>
        }
        tools={<CsvButton name="orders" columns={COLUMNS} read={() => everything<Order>("/api/orders", query)} onFailure={complain} />}
      >
        {rows.length > 0 && <Table label="Orders" columns={COLUMNS} rows={rows} keyOf={(row) => row.local_id} />}
        {rows.length === 0 && failure && <Failure failure={failure} what="a list of orders" />}
        {rows.length === 0 && !failure && <Empty title={data ? "No orders fit" : "\u00a0"}>{data && "Nothing was ordered yet, or the filters leave nothing."}</Empty>}
        {data && <Pager offset={offset} limit={LIMIT} count={rows.length} more={data?.more ?? false} onMove={(to) => go(withQuery({ offset: to ? String(to) : "" }))} />}
      </Card>
    </>
  );
}
