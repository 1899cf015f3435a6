import { useState } from "react";
import { hourAndMinute, utc } from "../format/time";
import { words } from "../format/words";
import { halt } from "../store/act";
import { useDashboard, useSessionNow, useStatus } from "../store/live";
import { setTheme, useTheme, type Theme } from "../store/preferences";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import { Badge, Button } from "../ui/parts";

const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };
const THEME_ICON = { system: "system", light: "sun", dark: "moon" } as const;

export function TopBar() {
  const session = useDashboard((dashboard) => dashboard.session);
  return (
    <header className="top">
      <Link href="/" className="brand" aria-label="algo-trader, overview">
        <img src="/favicon.svg" alt="" width="26" height="26" />
        <span>algo-trader</span>
      </Link>
      <div className="top-facts">
        <LinkState />
        {session && <Badge tone={session.mode === "live" ? "violet" : "info"}>{session.mode.toUpperCase()}</Badge>}
      </div>
      <span className="top-space" />
      <Clock isOpen={session?.market_open ?? null} />
      <ThemeButton />
      <HaltButton tradingState={session?.trading_state ?? ""} />
    </header>
  );
}

const LINKS = { live: ["good", "Live"], connecting: ["fair", "Connecting"], waiting: ["bad", "Not live"], ended: ["", "Ended"] } as const;

function LinkState() {
  const { link, reason } = useStatus();
  const [tone, text] = LINKS[link];
  return (
    <span className="link-state" role="status" aria-label={`Updates: ${text}`} title={reason || "Updates come as they happen"}>
      <i className={`dot ${tone}`} />
      <span>{text}</span>
    </span>
  );
}

function Clock({ isOpen }: { isOpen: boolean | null }) {
  const now = new Date(useSessionNow()).toISOString();
  return (
    <span className="clock wide" title={utc(now)}>
      <b>{hourAndMinute(now)}</b> New York
      <span>{isOpen === null ? "\u00a0" : isOpen ? "Market open" : "Market closed"}</span>
    </span>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const label = `Theme: ${theme === "system" ? "as the system" : theme}`;
  return (
    <Button look="plain square" aria-label={`${label}. Change it`} title={label} onClick={() => setTheme(NEXT[theme])}>
      <Icon name={THEME_ICON[theme]} />
    </Button>
  );
}

function HaltButton({ tradingState }: { tradingState: string }) {
  const [isSending, setSending] = useState(false);
  if (tradingState && tradingState !== "active") {
    return (
      <Link href="/risk" className="button danger">
        <Icon name="stop" /> {words(tradingState)}
      </Link>
    );
  }
  const press = (): void => {
    setSending(true);
    void halt().finally(() => setSending(false));
  };
  return (
    <Button look="stop" disabled={isSending} onClick={press} title="No new entries, at once. Positions keep their stops.">
      <Icon name="stop" /> Halt
    </Button>
  );
}
