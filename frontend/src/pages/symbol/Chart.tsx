import { useEffect, useRef } from "react";
import type { Bars } from "../../api/types";
import { quantity } from "../../format/decimal";
import { useWorld } from "../../store/live";
import { useIsDark } from "../../store/preferences";
import { PriceChart } from "./price-chart";

/** Candles with everything that happened on them. Its content stands beside it in words, too. */
export function Chart({ data }: { data: Bars }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<PriceChart | null>(null);
  const isDark = useIsDark();
  const live = useWorld((world) => world.bars[data.symbol]);
  useEffect(() => {
    if (!place.current) return undefined;
    const made = new PriceChart(place.current);
    chart.current = made;
    return () => {
      made.remove();
      chart.current = null;
    };
  }, []);
  useEffect(() => chart.current?.paint(), [isDark]);
  useEffect(() => chart.current?.show(data), [data]);
  useEffect(() => {
    if (live && live.interval === data.interval) chart.current?.update(live.bar);
  }, [live, data]);
  const parts = [`${data.bars.length} candles`, `${data.indicators.length} indicators`, `${data.markers.length} marks`, ...stops(data)];
  const label = `${data.symbol}, bars of ${data.interval}: ${parts.join(", ")}`;
  return <div ref={place} className="chart" role="img" aria-label={label} />;
}

/** The lines of stops that work, in words. */
function stops({ working }: Bars): string[] {
  return working.flatMap(({ role, stop_price: price }) => (role.includes("stop") && price ? [`stop at ${quantity(price)}`] : []));
}
