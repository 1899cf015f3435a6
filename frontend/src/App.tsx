import { lazy, Suspense, useEffect, useRef, type ComponentType } from "react";
import { Overview } from "./pages/overview/Overview";
import { usePlace, type Place } from "./router";
import { Banners } from "./shell/Banners";
import { Login } from "./shell/Login";
import { Nav } from "./shell/Nav";
import { TopBar } from "./shell/TopBar";
import { useDashboard, useStatus } from "./store/live";
import { words } from "./format/words";
import { Guarded } from "./ui/Guarded";
import { Link } from "./ui/Link";
import { Empty } from "./ui/parts";
import { Toasts } from "./ui/toasts";

type Page = ComponentType<{ place: Place }>;

/** Pages other than the first are loaded when they are opened. */
const PAGES: Readonly<Record<string, Page>> = {
  symbol: lazy(() => import("./pages/symbol/SymbolPage")),
  orders: lazy(() => import("./pages/orders/OrdersPage")),
  "round-trips": lazy(() => import("./pages/orders/TripsPage")),
  risk: lazy(() => import("./pages/risk/RiskPage")),
  settings: lazy(() => import("./pages/settings/SettingsPage")),
  status: lazy(() => import("./pages/health/HealthPage")),
  backtests: lazy(() => import("./pages/backtests/BacktestsPage")),
  sweeps: lazy(() => import("./pages/sweeps/SweepsPage")),
};

export function App() {
  const place = usePlace();
  const [at = ""] = place.path;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // Whoever uses a keyboard or a screen reader goes on in the page that was opened.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    document.title = `${place.path.map(words).join(" · ") || "Overview"} · algo-trader`;
  }, [place.path.join("/")]);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <TopBar />
      <Nav at={at} />
      <main id="main" className="main" tabIndex={-1} ref={main}>
        <Guarded place={place.path.join("/")}>
          <Suspense fallback={<div className="empty" aria-busy="true" />}>
            <Content at={at} place={place} />
          </Suspense>
        </Guarded>
      </main>
      <Foot />
      <Banners />
      <Toasts />
      <Login />
    </div>
  );
}

function Content({ at, place }: { at: string; place: Place }) {
  const isKnown = useDashboard(() => true);
  const { link } = useStatus();
  // The first picture comes at once and whole: what would be drawn before it would only be moved by it.
  if (!isKnown && link === "connecting") return <div aria-busy="true" />;
  if (!at) return <Overview />;
  const Found = Object.hasOwn(PAGES, at) ? PAGES[at] : undefined;
  if (Found) return <Found place={place} />;
  return (
    <Empty title="There is no such page">
      <Link href="/">Back to the overview</Link>
    </Empty>
  );
}

function Foot() {
  const version = useDashboard((dashboard) => dashboard.session.version ?? "");
  return (
    <footer className="foot">
      <span>algo-trader {version}</span>
      <span>Times in New York; UTC on hover</span>
      <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">
        Charts by TradingView Lightweight Charts™
      </a>
    </footer>
  );
}
