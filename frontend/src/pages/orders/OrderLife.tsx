import type { ReactNode } from "react";
import { client } from "../../api/client";
import type { Order, OrderEvent, OrderLife } from "../../api/types";
import { price, quantity } from "../../format/decimal";
import { sentence, words } from "../../format/words";
import { useData } from "../../store/data";
import { useWorld } from "../../store/live";
import { Link, orderLink, symbolLink } from "../../ui/Link";
import { Badge, Card, Empty, Facts, Failure, PageHead } from "../../ui/parts";
import { Price, Time } from "../../ui/values";
import { eventOf, momentOf, toneOf } from "../overview/activity";
import { stateTone } from "./states";

/** One order from the signal that led to it to its end. */
export function OrderLifePage({ id }: { id: string }) {
  const live = useWorld((world) => world.orders[id]);
  const key = `${id} ${live?.updated_at ?? ""} ${live?.state ?? ""}`;
  const { data, failure } = useData(key, (signal) => client.get<OrderLife>(`/api/orders/${encodeURIComponent(id)}`, {}, signal));
  const order = live ?? data?.order;
  return (
    <>
      <PageHead title={order ? `${words(order.side)} ${quantity(order.qty_requested)} ${order.symbol}` : "Order"} tools={<Link href="/orders">All orders</Link>}>
        {order && <Badge tone={stateTone(order.state)}>{words(order.state)}</Badge>}
      </PageHead>
      {order && (
        <Card title={<h2 className="mono">{order.local_id}</h2>}>
          <Facts items={factsOf(order)} />
        </Card>
      )}
      {failure && (
        <Card>
          <Failure failure={failure} what="the life of an order" />
        </Card>
      )}
      {data && (
        <div className="halves">
          <Card title="What happened to it">
            <TimeLine events={data.events} />
          </Card>
          <Card title="Why there is this order">
            <Related life={data} />
          </Card>
        </div>
      )}
    </>
  );
}

function factsOf(order: Order): readonly (readonly [string, ReactNode])[] {
  return [
    ["Symbol", <Link key="s" href={symbolLink(order.symbol)}>{order.symbol}</Link>],
    ["Strategy", order.strategy],
    ["Role", words(order.order_role)],
    ["Type", `${words(order.order_type)}${order.time_in_force ? `, ${order.time_in_force}` : ""}`],
    ["Filled", `${quantity(order.qty_filled)} of ${quantity(order.qty_requested)}`],
    ["Average fill", <Price key="a" value={order.avg_fill_price} />],
    ["Stop price", <Price key="st" value={order.stop_price ?? order.planned_stop_price} />],
    ["Limit price", <Price key="l" value={order.limit_price} />],
    ["Made", <Time key="m" value={order.created_at} full />],
    ["Changed", <Time key="c" value={order.updated_at} full />],
    ["At the venue", <span key="b" className="mono">{order.broker_id || "–"}</span>],
    ["Belongs to", order.parent_id ? <Link key="p" href={orderLink(order.parent_id)} className="mono">{order.parent_id}</Link> : "–"],
    ...(order.last_error ? ([["Reason", sentence(order.last_error)]] as const) : []),
  ];
}

function TimeLine({ events }: { events: readonly OrderEvent[] }) {
  if (events.length === 0) return <Empty title="Nothing is on record yet" />;
  return (
    <ol className="timeline">
      {events.map((event, index) => (
        <li key={index} className={stateTone(event.new_state ?? "")}>
          <span className="muted small"><Time value={event.time} full /></span>
          <b>{words(event.type)}</b>
          {event.new_state && event.new_state !== event.old_state && (
            <span className="muted small">
              {event.old_state ? `${words(event.old_state)} → ` : ""}
              {words(event.new_state)}
            </span>
          )}
          {event.fill_price && <span>{quantity(event.qty_filled)} at {price(event.fill_price)}</span>}
          {event.detail && <span className="muted">{sentence(event.detail)}</span>}
        </li>
      ))}
    </ol>
  );
}

function Related({ life }: { life: OrderLife }) {
  if (life.related.length === 0) return <Empty title="No signal is on record for it">It may have been made by a person or by the protection of a position.</Empty>;
  return (
    <ol className="timeline">
      {life.related.map((one) => (
        <li key={one.id} className={toneOf(one)}>
          <span className="muted small"><Time value={momentOf(one)} full /></span>
          <b>{words(eventOf(one))}</b>
          <span className="muted">{sentence(one.message)}</span>
        </li>
      ))}
    </ol>
  );
}
