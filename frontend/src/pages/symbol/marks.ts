import type { CandlestickData, HistogramData, LineData, SeriesMarker, SeriesMarkerBar, Time, UTCTimestamp } from "lightweight-charts";
import type { Bar, Bars, Marker } from "../../api/types";
import { exchangeOffset, milliseconds } from "../../format/time";
import type { Palette } from "./palette";

/** Seconds as a clock in New York shows them: the chart knows no time zones. */
export function timeOf(instant: string | null): UTCTimestamp {
  const moment = milliseconds(instant);
  return (Number.isNaN(moment) ? Number.NaN : Math.floor(moment / 1000) + exchangeOffset(moment)) as UTCTimestamp;
}

/** A bar of the stream or of the past. */
type Prices = Omit<Bar, "time"> & { readonly time: string | null };

export function candle(bar: Prices): CandlestickData {
  return { time: timeOf(bar.time), open: Number(bar.open), high: Number(bar.high), low: Number(bar.low), close: Number(bar.close) };
}

export function volume(bar: Prices): HistogramData {
  return { time: timeOf(bar.time), value: Number(bar.volume) };
}

/** Marks must stand on bars: the last one that had opened at a moment. */
function barBefore(opened: readonly number[], moment: number): number | null {
  let found: number | null = null;
  for (const time of opened) {
    if (time > moment) break;
    found = time;
  }
  return found;
}

export function marksOf({ bars, markers }: Bars, colors: Palette): SeriesMarker<Time>[] {
  const opened = bars.map((bar) => timeOf(bar.time));
  const found = markers.flatMap((marker): SeriesMarker<Time>[] => {
    const time = barBefore(opened, timeOf(marker.time));
    const look = lookOf(marker, colors);
    return time === null || !look ? [] : [{ time: time as UTCTimestamp, ...look }];
  });
  return found.sort((one, other) => Number(one.time) - Number(other.time));
}

type Look = Pick<SeriesMarkerBar<Time>, "position" | "shape" | "color" | "text">;

function lookOf({ kind, side }: Marker, colors: Palette): Look | null {
  const isBuy = side === "buy";
  const position = isBuy ? "belowBar" : "aboveBar";
  if (kind === "entry") return { position, shape: isBuy ? "arrowUp" : "arrowDown", color: colors.accent, text: "Entry" };
  if (kind === "exit") return { position, shape: isBuy ? "arrowUp" : "arrowDown", color: colors.warn, text: "Exit" };
  if (kind === "signal") return { position, shape: "circle", color: colors.violet, text: "" };
  if (kind === "denied") return { position, shape: "square", color: colors.muted, text: "Denied" };
  return null;
}

/** Where the stop was, as steps: from each move to the next, and gone with the exit. */
export function stopPath({ bars, markers, working }: Bars): LineData[] {
  const opened = bars.map((bar) => timeOf(bar.time));
  const points = new Map<number, LineData>();
  let isHeld = false;
  for (const { kind, time, price } of markers) {
    const at = barBefore(opened, timeOf(time));
    if (at === null) continue;
    if ((kind === "stop_placed" || kind === "stop_moved") && price) {
      points.set(at, { time: at as UTCTimestamp, value: Number(price) });
      isHeld = true;
    } else if (kind === "exit" && isHeld) {
      const before = [...points.values()].at(-1);
      if (before) points.set(at, { time: at as UTCTimestamp, value: before.value });
      isHeld = false;
    }
  }
  const stop = working.find((one) => one.role.includes("stop") && one.stop_price);
  const now = opened.at(-1);
  if (isHeld && stop?.stop_price && now !== undefined) points.set(now, { time: now, value: Number(stop.stop_price) });
  return gaps([...points.values()].sort((one, other) => Number(one.time) - Number(other.time)), markers);
}

/** The line is not drawn between an exit and the next stop. */
function gaps(points: LineData[], markers: readonly Marker[]): LineData[] {
  const exits = markers.filter(({ kind }) => kind === "exit").map(({ time }) => Number(timeOf(time)));
  return points.map((point, index) => {
    const next = points[index + 1];
    const isLast = next && exits.some((exit) => exit >= Number(point.time) && exit < Number(point.time) + 86_400 && exit < Number(next.time));
    return isLast ? { ...point, color: "transparent" } : point;
  });
}
