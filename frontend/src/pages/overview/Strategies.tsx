import type { StrategyState } from "../../api/types";
import { plural, sentence, words } from "../../format/words";
import { act } from "../../store/act";
import { useDashboard } from "../../store/live";
import { Link, symbolLink } from "../../ui/Link";
import { Badge, Button, Card, Empty, Meter, type Tone } from "../../ui/parts";

const TONES: Readonly<Record<string, Tone>> = {
  watching: "info",
  warming_up: "fair",
  signal_active: "violet",
  in_position: "good",
  paused: "",
};

export function Strategies() {
  const strategies = useDashboard((dashboard) => dashboard.strategies) ?? [];
  return (
    <Card title="Strategies" bare className="strategies">
      {strategies.length === 0 && <Empty title="No strategies">They appear as soon as the session knows them.</Empty>}
      <ul className="strategy-list">
        {strategies.map((one) => (
          <Strategy key={`${one.name} ${one.symbol ?? ""}`} one={one} />
        ))}
      </ul>
    </Card>
  );
}

function Strategy({ one }: { one: StrategyState }) {
  const symbol = one.symbol ?? one.symbols?.[0] ?? "";
  const { bar_count: seen = 0, required_bars: needed = 0 } = one;
  return (
    <li className="strategy">
      <div className="strategy-head">
        {symbol && <Link href={symbolLink(symbol)} className="strong">{symbol}</Link>}
        <span className="muted">{one.name}</span>
        <Badge tone={TONES[one.status] ?? ""}>{words(one.status)}</Badge>
      </div>
      <p className="strategy-waits">{one.waiting_for ? sentence(one.waiting_for) : "\u00a0"}</p>
      {one.status === "warming_up" && needed > 0 && <Meter percent={(seen * 100) / needed} label={`${seen} of ${needed} bars`} />}
      <div className="strategy-foot">
        <span className="muted small">{figures(one)}</span>
        <Switch one={one} />
      </div>
    </li>
  );
}

function figures({ indicators = {}, bar_count: bars, errors = 0 }: StrategyState): string {
  const shown = Object.entries(indicators)
    .slice(0, 4)
    .map(([name, value]) => `${words(name)} ${value === null ? "–" : value.toLocaleString("en-US", { maximumFractionDigits: 2, minimumFractionDigits: 2 })}`);
  if (bars !== undefined) shown.push(plural(bars, "bar"));
  if (errors) shown.push(plural(errors, "error"));
  return shown.join(" · ");
}

function Switch({ one }: { one: StrategyState }) {
  const instances = useDashboard((dashboard) => dashboard.strategies)?.filter(({ name }) => name === one.name).length ?? 1;
  const change = (): void => {
    const word = one.enabled ? "disable" : "enable";
    void act(`/api/strategies/${encodeURIComponent(one.name)}/${word}`, { reason: `${word}d on the page` }, `${one.name} is ${one.enabled ? "paused" : "enabled"}`);
  };
  const word = `${one.enabled ? "Pause" : "Enable"}${instances > 1 ? ` all ${instances}` : ""}`;
  return (
    <Button look="small plain" onClick={change} aria-label={`${word} of ${one.name}`}>
      {word}
    </Button>
  );
}
