import { client } from "../../api/client";
import type { Bars } from "../../api/types";
import { quantity } from "../../format/decimal";
import { go, withQuery, type Place } from "../../router";
import { useData, usePaced } from "../../store/data";
import { useDashboard, useWorld } from "../../store/live";
import { SelectField } from "../../ui/Field";
import { symbolLink } from "../../ui/Link";
import { Card, Empty, Failure, PageHead } from "../../ui/parts";
import { Price, Time } from "../../ui/values";
import { Chart } from "./Chart";
import { Held } from "./Held";
import { Story } from "./Story";

const INTERVALS: readonly (readonly [string, string])[] = [
  ["", "As the strategy"],
  ...["1m", "2m", "5m", "10m", "15m", "30m", "1h", "1d"].map((name) => [name, name] as const),
];
const SHOWN = 500;

export default function SymbolPage({ place }: { place: Place }) {
  const symbols = useSymbols();
  const symbol = place.path[1] ?? symbols[0] ?? "";
  const interval = place.query.get("interval") ?? "";
  if (!symbol) return <Empty title="No symbol is followed yet">The session’s watchlist says which.</Empty>;
  const options = (symbols.includes(symbol) ? symbols : [symbol, ...symbols]).map((name) => [name, name] as const);
  return (
    <>
      <PageHead
        title={symbol}
        tools={
          <>
            <SelectField label="Symbol" value={symbol} options={options} onChange={(event) => go(symbolLink(event.target.value))} />
            <SelectField label="Bars" value={interval} options={INTERVALS} onChange={(event) => go(withQuery({ interval: event.target.value }), true)} />
          </>
        }
      />
      <One key={`${symbol} ${interval}`} symbol={symbol} interval={interval} />
    </>
  );
}

function useSymbols(): readonly string[] {
  const strategies = useDashboard((dashboard) => dashboard.strategies) ?? [];
  const positions = useDashboard((dashboard) => dashboard.positions) ?? [];
  const found = [...positions.map((one) => one.symbol), ...strategies.flatMap((one) => one.symbols ?? [one.symbol ?? ""])];
  return [...new Set(found)].filter(Boolean).sort();
}

function One({ symbol, interval }: { symbol: string; interval: string }) {
  // What a bar, an order or a round trip changes on the chart, the server puts together anew: candles, indicators, marks.
  const seen = usePaced(useWorld((world) => `${world.ordersSeen + world.tripsSeen} ${world.bars[symbol]?.bar.time ?? ""}`));
  const { data, failure } = useData(seen, (signal) =>
    client.get<Bars>(`/api/bars/${encodeURIComponent(symbol)}`, { interval, limit: SHOWN }, signal),
  );
  if (!data && !failure) return <div aria-busy="true" />;
  return (
    <>
      <Card bare title={<Reading symbol={symbol} data={data} />}>
        <div className="chart-room">
          {data && data.bars.length > 0 && <Chart data={data} />}
          {data && data.bars.length === 0 && <Empty title="No bars yet">The chart begins with the first bar that closes.</Empty>}
          {!data && failure && <Failure failure={failure} what="bars for a chart" />}
        </div>
        {data?.faults.map((fault) => (
          <p key={fault} role="note" className="chart-note muted">
            {fault}
          </p>
        ))}
      </Card>
      <div className="halves">
        <Held symbol={symbol} working={data?.working ?? []} />
        <Story markers={data?.markers ?? []} symbol={symbol} />
      </div>
    </>
  );
}

/** The last bar in exact figures. */
function Reading({ symbol, data }: { symbol: string; data: Bars | null }) {
  const live = useWorld((world) => world.bars[symbol]);
  const bar = live && live.interval === data?.interval ? live.bar : data?.bars.at(-1);
  if (!bar) return <p className="reading">{"\u00a0"}</p>;
  return (
    <p className="reading">
      <span className="muted">{data?.interval}</span>
      <Time value={bar.time} />
      {(["open", "high", "low", "close"] as const).map((name) => (
        <span key={name}>
          <span className="muted">{name}</span> <Price value={bar[name]} flash={name === "close"} />
        </span>
      ))}
      <span>
        <span className="muted">volume</span> {quantity(bar.volume)}
      </span>
    </p>
  );
}
