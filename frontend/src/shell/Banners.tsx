import { useState } from "react";
import type { Alert } from "../api/types";
import { duration } from "../format/time";
import { plural, sentence, words } from "../format/words";
import { feed, useDashboard, useSessionNow, useStatus } from "../store/live";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import { Button } from "../ui/parts";
import { Ago } from "../ui/values";

/** What a person must not overlook, before every page and without moving anything on it. */
export function Banners() {
  return (
    <div className="banners">
      <NotLive />
      <Stopped />
      <Alerts />
    </div>
  );
}

function NotLive() {
  const { link, since, reason } = useStatus();
  useSessionNow();
  const away = (Date.now() - since) / 1000;
  if (link === "live" || link === "ended" || (link === "connecting" && away < 3)) return null;
  return (
    <div className="notice bad">
      <span role="alert">
        <b>Not live.</b> {reason ? sentence(reason) : "Waiting for the session."}
      </span>
      <span>What is shown may be {duration(away)} old; the page keeps trying.</span>
      <span className="tools">
        <Button look="small" onClick={feed.hurry}>
          Try now
        </Button>
      </span>
    </div>
  );
}

function Stopped() {
  const session = useDashboard((dashboard) => dashboard.session);
  const connection = useDashboard((dashboard) => dashboard.connection);
  if (!session) return null;
  if (session.state === "shutting_down" || connection?.status === "shutting_down") {
    return <div className="notice fair" role="status">The session is shutting down.</div>;
  }
  if (session.trading_state === "active" && !session.emergency_stop) return null;
  return (
    <div className="notice fair" role="status">
      <b>{session.emergency_stop ? "Emergency stop." : session.trading_state === "reducing" ? "Only reducing." : "Trading is halted."}</b>
      <span>No new entries. Positions keep their stops.</span>
      <span className="tools">
        <Link href="/risk" className="button small">
          Resume…
        </Link>
      </span>
    </div>
  );
}

const SHOWN = 3;
const TONES: Readonly<Record<string, string>> = { info: "", warning: "fair" };

/** What tells an alert from the others; the same trouble at another time is another alert. */
const nameOf = (alert: Alert): string => `${alert.code} ${alert.subject ?? ""} ${alert.since ?? ""}`;

function Alerts() {
  const all = useDashboard((dashboard) => dashboard.alerts) ?? [];
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const alerts = all.filter((alert) => !hidden.includes(nameOf(alert)));
  return (
    <>
      {alerts.slice(0, SHOWN).map((alert) => (
        <div key={nameOf(alert)} className={`notice ${TONES[alert.level] ?? "bad"}`}>
          <span role="alert">
            <b>{words(alert.level)}.</b> {sentence(alert.message)}
          </span>
          {alert.since && (
            <span className="muted small">
              <Ago value={alert.since} />
            </span>
          )}
          <span className="tools">
            <Button look="small plain" aria-label="Hide this alert" onClick={() => setHidden([...hidden, nameOf(alert)])}>
              <Icon name="close" />
            </Button>
          </span>
        </div>
      ))}
      {alerts.length > SHOWN && <Link href="/status" className="notice">And {plural(alerts.length - SHOWN, "more alert")}</Link>}
    </>
  );
}
