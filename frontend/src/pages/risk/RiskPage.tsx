import { client } from "../../api/client";
import type { Breaker, Limit, Risk } from "../../api/types";
import { decimal } from "../../format/decimal";
import { sentence, words } from "../../format/words";
import { useData, usePaced } from "../../store/data";
import { useDashboard, useWorld } from "../../store/live";
import { Badge, Card, Empty, Failure, Meter, PageHead } from "../../ui/parts";
import { Ago } from "../../ui/values";
import { Controls } from "./Controls";
import { inUnit } from "./units";

export default function RiskPage() {
  const trading = useDashboard((dashboard) => dashboard.session.trading_state);
  const seen = usePaced(useWorld((world) => world.ordersSeen + world.tripsSeen));
  const { data, failure } = useData(`${trading} ${seen}`, (signal) => client.get<Risk>("/api/risk", {}, signal), 5000);
  return (
    <>
      <PageHead title="Risk" />
      <Controls tradingState={trading ?? data?.trading_state ?? ""} />
      <Card title="Breakers" bare>
        {data && <div className="gauges">{data.breakers.map((one) => <BreakerGauge key={one.name} one={one} />)}</div>}
        {data?.breakers.length === 0 && <Empty title="No breakers are set" />}
        {!data && failure && <Failure failure={failure} what="the state of its breakers" />}
        {!data && !failure && <Empty title={"\u00a0"} />}
      </Card>
      {data && data.limits.length > 0 && (
        <Card title="Limits" bare>
          <div className="gauges">
            {data.limits.map((one) => (
              <LimitGauge key={one.name} one={one} />
            ))}
          </div>
        </Card>
      )}
    </>
  );
}

function BreakerGauge({ one }: { one: Breaker }) {
  const isTripped = one.state !== "normal";
  const isMeasured = one.limit !== null;
  const used = Number(one.used_pct ?? 0);
  return (
    <section className="gauge">
      <header>
        <h3>{one.title}</h3>
        <Badge tone={isTripped ? "bad" : used >= 75 ? "fair" : "good"}>{words(one.state)}</Badge>
      </header>
      {isMeasured && <Scale level={one.level} limit={one.limit} unit={one.unit} />}
      {isMeasured && <Meter percent={isTripped && one.used_pct === null ? 100 : used} label={`${one.title}: share of the limit that is used`} tripped={isTripped} />}
      <p className="muted small">
        {isTripped ? sentence(one.reason || "tripped") : isMeasured ? `${decimal(one.used_pct, { most: 1 })}% used, ${left(used)}% left before it trips` : "Only a person sets it off."}
        {isTripped && one.since && (
          <>
            {" "}
            <Ago value={one.since} />
          </>
        )}
      </p>
    </section>
  );
}

function LimitGauge({ one }: { one: Limit }) {
  const used = Number(one.used_pct ?? 0);
  return (
    <section className="gauge">
      <header>
        <h3>{one.title}</h3>
      </header>
      <Scale level={one.value} limit={one.limit} unit={one.unit} />
      {one.used_pct !== null && <Meter percent={used} label={`${one.title}: share that is used`} />}
    </section>
  );
}

function Scale({ level, limit, unit }: { level: string | null; limit: string | null; unit: string | null }) {
  const [value, rest] = inUnit(level, unit ?? "");
  const [bound] = inUnit(limit, unit ?? "");
  return (
    <p className="scale">
      <b>{value}</b>
      <span className="muted">{limit === null ? "no limit" : `of ${bound} ${rest}`}</span>
    </p>
  );
}

function left(used: number): string {
  return Math.max(0, 100 - used).toLocaleString("en-US", { maximumFractionDigits: 1 });
}
