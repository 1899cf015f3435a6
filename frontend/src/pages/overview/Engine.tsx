import { words } from "../../format/words";
import { useDashboard } from "../../store/live";
import { Badge, type Tone } from "../../ui/parts";
import { Ago } from "../../ui/values";

const TONES: Readonly<Record<string, Tone>> = {
  running: "good",
  active: "good",
  connected: "good",
  reconnecting: "fair",
  warming_up: "fair",
  reconciling: "fair",
  initializing: "fair",
  shutting_down: "fair",
  reducing: "fair",
  halted: "bad",
  disconnected: "bad",
  stopped: "bad",
};

/** Engine and streams in one line. */
export function Engine() {
  const session = useDashboard((dashboard) => dashboard.session);
  const connection = useDashboard((dashboard) => dashboard.connection);
  if (!session || !connection) return null;
  return (
    <>
      <State name="Engine" value={session.state} />
      <State name="Trading" value={session.trading_state} />
      <State name="Bars" value={connection.bar_stream} />
      <State name="Orders" value={connection.trade_stream} />
      <span className="muted small nowrap last-bar">
        last bar <Ago value={connection.last_bar_at} />
      </span>
    </>
  );
}

function State({ name, value }: { name: string; value: string }) {
  const tone = TONES[value] ?? "";
  return (
    <Badge tone={tone}>
      {name}: {words(value).toLowerCase()}
    </Badge>
  );
}
