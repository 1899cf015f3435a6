// The bars of one symbol: decoding, and drawing them as candles or, when there are too many, as a range with the close.

/** Turn the stored steps of a symbol back into bars, the first time it is shown. */
function decode(chart) {
  if (chart.bars) return chart.bars;
  const count = chart.o.length;
  const unit = 10 ** -chart.digits;
  const bars = { time: running(chart.t0, chart.dt, chart.unit), at: new Float64Array(count), span: chart.span, count };
  for (const key of ["open", "high", "low", "close"]) bars[key] = new Float64Array(count);
  let close = 0;
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    const open = close + chart.o[i];
    close = open + chart.c[i];
    bars.open[i] = open * unit;
    bars.close[i] = close * unit;
    bars.high[i] = (Math.max(open, close) + chart.h[i]) * unit;
    bars.low[i] = (Math.min(open, close) - chart.l[i]) * unit;
    bars.at[i] = at;
    at += chart.span ? chart.span[i] : 1;
  }
  bars.end = at;
  chart.bars = bars;
  return bars;
}

const spanOf = (bars, i) => (bars.span ? bars.span[i] : 1);

/** The bars that a stretch of the axis shows: first and last position, lowest and highest price. */
function visibleBars(bars, from, to) {
  const first = lastAtMost(bars.at, from);
  const last = lastAtMost(bars.at, Math.max(from, to - 1e-9));
  let low = Infinity;
  let high = -Infinity;
  for (let i = first; i <= last; i += 1) {
    low = Math.min(low, bars.low[i]);
    high = Math.max(high, bars.high[i]);
  }
  return { first, last, low, high };
}

/** Draw the visible bars; x and y give pixels. */
function drawBars(bars, { first, last }, x, y, width) {
  return last - first + 1 <= width / 3.5 ? drawCandles(bars, first, last, x, y) : drawRange(bars, first, last, x, y);
}

function drawCandles(bars, first, last, x, y) {
  const paths = new Map();
  const add = (kind, text) => paths.set(kind, (paths.get(kind) ?? "") + text);
  for (let i = first; i <= last; i += 1) {
    const span = spanOf(bars, i);
    const center = x(bars.at[i] + span / 2);
    const width = Math.max(1.5, (x(bars.at[i] + span) - x(bars.at[i])) * 0.66);
    const rising = bars.close[i] >= bars.open[i];
    const kind = `${rising ? "up" : "down"}${span > 1 ? " coarse" : ""}`;
    const top = y(Math.max(bars.open[i], bars.close[i]));
    const bottom = Math.max(y(Math.min(bars.open[i], bars.close[i])), top + 1);
    add(`wick-${kind}`, `M${center.toFixed(1)} ${y(bars.high[i]).toFixed(1)}V${top.toFixed(1)}M${center.toFixed(1)} ${bottom.toFixed(1)}V${y(bars.low[i]).toFixed(1)}`);
    add(`body-${kind}`, `M${(center - width / 2).toFixed(1)} ${top.toFixed(1)}h${width.toFixed(1)}V${bottom.toFixed(1)}h${(-width).toFixed(1)}Z`);
  }
  return [...paths].map(([kind, d]) => shape("path", { class: kind, d }));
}

function drawRange(bars, first, last, x, y) {
  let band = "";
  let line = "";
  let column = null;
  const flush = () => {
    if (!column) return;
    band += `M${column.x} ${y(column.high).toFixed(1)}V${(y(column.low) + 0.5).toFixed(1)}`;
    line += `${line ? "L" : "M"}${column.x} ${y(column.close).toFixed(1)}`;
  };
  for (let i = first; i <= last; i += 1) {
    const pixel = Math.round(x(bars.at[i] + spanOf(bars, i) / 2));
    if (!column || column.x !== pixel) {
      flush();
      column = { x: pixel, high: -Infinity, low: Infinity, close: 0 };
    }
    column.high = Math.max(column.high, bars.high[i]);
    column.low = Math.min(column.low, bars.low[i]);
    column.close = bars.close[i];
  }
  flush();
  return [shape("path", { class: "band", d: band }), shape("path", { class: "close", d: line })];
}
