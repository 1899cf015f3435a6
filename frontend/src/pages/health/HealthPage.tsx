import { client } from "../../api/client";
import type { Component, Components } from "../../api/types";
import { plural, sentence, words } from "../../format/words";
import { useData } from "../../store/data";
import { useDashboard, useStatus } from "../../store/live";
import { Badge, Card, Empty, Facts, Failure, PageHead, type Tone } from "../../ui/parts";
import { Ago } from "../../ui/values";
import { ErrorLog } from "./ErrorLog";

const TONES: Readonly<Record<string, Tone>> = { healthy: "good", connected: "good", degraded: "fair", reconnecting: "fair", critical: "bad", failed: "bad", disconnected: "bad" };
const EVERY = 3000;

export default function HealthPage() {
  const { data, failure } = useData("", (signal) => client.get<Components>("/health/components", {}, signal), EVERY);
  return (
    <>
      <PageHead title="Health">{data && <Badge tone={TONES[data.status] ?? ""}>{words(data.status)}</Badge>}</PageHead>
      <Streams />
      <Card title="Components" bare>
        {!data && failure && <Failure failure={failure} what="the health of its components" />}
        {!data && !failure && <Empty title={"\u00a0"} />}
        <div className="gauges">{data?.components.map((one) => <Part key={one.name} one={one} />)}</div>
      </Card>
      {(data || failure) && <ErrorLog />}
    </>
  );
}

function Streams() {
  const connection = useDashboard((dashboard) => dashboard.connection);
  const session = useDashboard((dashboard) => dashboard.session);
  const { link } = useStatus();
  if (!connection || !session) return null;
  return (
    <Card title="Session">
      <Facts
        items={[
          ["Engine", words(session.state)],
          ["Stream of bars", <Badge key="b" tone={TONES[connection.bar_stream] ?? ""}>{words(connection.bar_stream)}</Badge>],
          ["Stream of orders", <Badge key="t" tone={TONES[connection.trade_stream] ?? ""}>{words(connection.trade_stream)}</Badge>],
          ["Last bar", <Ago key="l" value={connection.last_bar_at} />],
          ["Started", <Ago key="s" value={session.started_at} />],
          ["This page", link === "live" ? "Live" : "Not live"],
          ["Venue", `${session.venue ?? "–"} (${session.mode})`],
          ["Version", session.version ?? "–"],
        ]}
      />
    </Card>
  );
}

function Part({ one }: { one: Component }) {
  const figures = Object.entries(one.figures);
  return (
    <section className="gauge">
      <header>
        <h3>{one.title}</h3>
        <Badge tone={TONES[one.status] ?? ""}>{words(one.status)}</Badge>
      </header>
      <p>{sentence(one.message)}</p>
      {figures.length > 0 && (
        <dl className="figures">
          {figures.map(([name, value]) => (
            <div key={name}>
              <dt>{figureName(name)}</dt>
              <dd>{value === null ? "–" : `${value.toLocaleString("en-US", { maximumFractionDigits: 2 })}${unitOf(name)}`}</dd>
            </div>
          ))}
        </dl>
      )}
      <p className="muted small">
        {words(one.status)} since <Ago value={one.since} />
        {one.errors > 0 && `, ${plural(one.errors, "failed check")}`}
      </p>
    </section>
  );
}

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_(seconds|s)$/, " s"],
  [/_ms$/, " ms"],
  [/_mb$/, " MB"],
  [/_(pct|percent)$/, "%"],
  [/_bytes$/, " B"],
];

const unitOf = (name: string): string => UNITS.find(([end]) => end.test(name))?.[1] ?? "";
const figureName = (name: string): string => words(UNITS.reduce((text, [end]) => text.replace(end, ""), name));
