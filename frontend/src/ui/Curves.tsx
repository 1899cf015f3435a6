import type { Point } from "../api/types";
import { money } from "../format/decimal";
import { day, milliseconds } from "../format/time";

export interface Curve {
  name: string;
  points: readonly Point[];
}

interface CurvesProps {
  curves: readonly Curve[];
  label: string;
  /** Within one day: time itself goes across, and the ends are named by their time of day. */
  end?: (instant: string | null) => string;
  amount?: (value: string | null | undefined) => string;
  isOneDay?: boolean;
}

const [WIDTH, HEIGHT] = [900, 240];
export const CURVE_TONES = ["accent", "warn", "violet", "gain", "loss", "muted"] as const;

/** Amounts over time, several beside each other. */
export function Curves({ curves, label, end = day, amount = money, isOneDay = false }: CurvesProps) {
  const drawn = curves.filter((curve) => curve.points.length > 1);
  const all = drawn.flatMap((curve) => curve.points);
  const times = [...new Set(all.map(([time]) => milliseconds(time)))].sort((one, other) => one - other);
  const across = placesOf(times, isOneDay);
  const [low, high] = span(all.map(([, value]) => Number(value)));
  const [first, last] = [times[0], times.at(-1)].map((time) => end(time === undefined ? null : new Date(time).toISOString()));
  if (drawn.length === 0) return null;
  const path = ({ points }: Curve): string =>
    points.map(([time, value]) => `${(across.get(milliseconds(time)) ?? 0).toFixed(1)},${(HEIGHT - ((Number(value) - low) / (high - low || 1)) * HEIGHT).toFixed(1)}`).join(" ");
  return (
    <figure className="curves">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {drawn.map((curve, index) => (
          <polyline key={curve.name} points={path(curve)} className={`curve ${CURVE_TONES[index % CURVE_TONES.length] ?? ""}`} />
        ))}
      </svg>
      <figcaption className="muted small">
        <span>{first}</span>
        <span className="tools">
          {drawn.map((curve, index) => (
            <span key={curve.name} className="key">
              <i className={CURVE_TONES[index % CURVE_TONES.length]} /> {curve.name} {amount(curve.points.at(-1)?.[1])}
            </span>
          ))}
        </span>
        <span>{last}</span>
      </figcaption>
    </figure>
  );
}

/** How far across each time stands. Over several days in equal steps: nights, in which nothing happens, would fill most of it. */
export function placesOf(times: readonly number[], isOneDay: boolean): ReadonlyMap<number, number> {
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
  return new Map(times.map((time, index) => [time, (isOneDay ? (time - first) / (last - first || 1) : index / Math.max(times.length - 1, 1)) * WIDTH]));
}

function span(values: readonly number[]): readonly [number, number] {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)] as const, [Infinity, -Infinity] as readonly [number, number]);
}
