import { useEffect, useRef } from "react";
import { useDashboard } from "../store/live";
import { Icon, type IconName } from "../ui/Icon";
import { Link } from "../ui/Link";

const PLACES: readonly (readonly [string, string, IconName])[] = [
  ["", "Overview", "overview"],
  ["symbol", "Symbol", "symbol"],
  ["orders", "Orders & trips", "orders"],
  ["risk", "Risk", "risk"],
  ["backtests", "Backtests", "backtests"],
  ["sweeps", "Sweeps", "sweeps"],
  ["settings", "Settings", "settings"],
  ["status", "Health", "health"],
];

const HOME: Readonly<Record<string, string>> = { "round-trips": "orders" };

export function Nav({ at }: { at: string }) {
  const list = useRef<HTMLElement>(null);
  const alerts = useDashboard((dashboard) => dashboard.alerts)?.length ?? 0;
  const current = HOME[at] ?? at;
  useEffect(() => {
    list.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);
  return (
    <nav className="nav" aria-label="Pages" ref={list}>
      <ul>
        {PLACES.map(([path, name, icon]) => (
          <li key={path}>
            <Link href={`/${path}`} aria-current={current === path ? "page" : undefined}>
              <Icon name={icon} />
              {name}
              {path === "status" && alerts > 0 && <i className="dot bad" role="img" aria-label={`${alerts} alerts`} />}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
