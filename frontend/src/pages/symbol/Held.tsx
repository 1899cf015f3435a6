import type { Working } from "../../api/types";
import { quantity } from "../../format/decimal";
import { sentence, words } from "../../format/words";
import { useDashboard } from "../../store/live";
import { Link, orderLink } from "../../ui/Link";
import { Badge, Card, Empty, Facts } from "../../ui/parts";
import { Money, Percent, Price, Time } from "../../ui/values";

/** What is held of a symbol, what works for it at the venue, and what its strategies wait for. */
export function Held({ symbol, working }: { symbol: string; working: readonly Working[] }) {
  const positions = (useDashboard((dashboard) => dashboard.positions) ?? []).filter((one) => one.symbol === symbol);
  const strategies = (useDashboard((dashboard) => dashboard.strategies) ?? []).filter((one) => one.symbol === symbol || one.symbols?.includes(symbol));
  return (
    <Card title="Now">
      <div className="stack">
        {positions.length === 0 && <Empty title="No position" />}
        {positions.map((one) => (
          <Facts
            key={one.owner}
            items={[
              [words(one.side), `${quantity(one.qty)} by ${one.owner}`],
              ["Entry", <Price key="e" value={one.avg_entry_price} />],
              ["P&L", <span key="p"><Money value={one.unrealized_pnl} signed /> <Percent value={one.unrealized_pct} signed /></span>],
              ["Stop", <Price key="s" value={one.stop_price} flash />],
              ["Protection", words(one.protection_level)],
              ["Opened", <Time key="o" value={one.opened_at} full />],
            ]}
          />
        ))}
        {working.length > 0 && (
          <ul className="stack tight">
            {working.map((one) => (
              <li key={one.order_id} className="tools">
                <Badge tone={one.role.includes("stop") ? "bad" : "info"}>{words(one.role)}</Badge>
                <span>
                  {one.side} {quantity(one.qty)} at <Price value={one.stop_price ?? one.limit_price} flash />
                </span>
                <Link href={orderLink(one.order_id)}>order</Link>
              </li>
            ))}
          </ul>
        )}
        {strategies.map((one) => (
          <p key={one.name} className="muted">
            <span className="strong">{one.name}</span> {words(one.status).toLowerCase()}: {one.waiting_for ? sentence(one.waiting_for) : "–"}
          </p>
        ))}
      </div>
    </Card>
  );
}
