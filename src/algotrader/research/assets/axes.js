// Axes: round values up the side, calendar boundaries along the bottom.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const monthOf = (time) => {
  const date = new Date(time);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
};

/** Periods from fine to coarse; key tells in which one a time lies. */
const LEVELS = [
  ...[1, 5, 15, 30, 60, 120, 360].map((minutes) => ({ style: "clock", key: (t) => Math.floor(t / (minutes * MINUTE)) })),
  { style: "day", key: (t) => Math.floor(t / DAY) },
  { style: "day", key: (t) => Math.floor((t / DAY + 3) / 7) },
  { style: "month", key: monthOf },
  { style: "month", key: (t) => Math.floor(monthOf(t) / 3) },
  { style: "year", key: (t) => Math.floor(monthOf(t) / 12) },
  { style: "year", key: (t) => Math.floor(monthOf(t) / 60) },
];

/** Choose ticks where a period begins, in the finest period that does not crowd the axis; every nth of the next one when few. */
function timeTicks(times, first, last, most) {
  let finer = null;
  for (const level of LEVELS) {
    let found = boundaries(times, first, last, level, most * 12);
    const crowded = found.length > most;
    if (crowded && level !== LEVELS[LEVELS.length - 1]) {
      finer = found.length < most * 12 ? { level, found } : null;
      continue;
    }
    let { style } = level;
    if (found.length < 3 && finer) {
      const step = Math.ceil(finer.found.length / most);
      found = finer.found.filter((_, i) => i % step === 0);
      style = finer.level.style;
    }
    return found.map((index, i) => ({ index, text: tickText(style, times[index], i ? times[found[i - 1]] : null) }));
  }
  return [];
}

function boundaries(times, first, last, level, most) {
  const found = [];
  let before = first > 0 ? level.key(times[first - 1]) : level.key(times[first]) - 1;
  for (let i = first; i <= last && found.length < most; i += 1) {
    const key = level.key(times[i]);
    if (key !== before) found.push(i);
    before = key;
  }
  return found;
}

function tickText(style, time, before) {
  const date = new Date(time);
  const year = String(date.getUTCFullYear());
  const newYear = before === null || new Date(before).getUTCFullYear() !== date.getUTCFullYear();
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
  if (style === "year") return year;
  if (style === "month") return newYear ? `${MONTHS[date.getUTCMonth()]} ${year}` : MONTHS[date.getUTCMonth()];
  if (style === "day") return newYear ? `${day} ${year}` : day;
  const newDay = before === null || Math.floor(before / DAY) !== Math.floor(time / DAY);
  return newDay ? day : `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
}

/** Round values between two limits, about as many as wanted. */
function valueTicks(low, high, wanted) {
  const rough = (high - low) / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) ticks.push(i * step);
  return { ticks, places: Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0))) };
}

/** Draw the value axis of a panel: lines across and figures at the right, where the newest values are. */
function valueAxis(panel, low, high, write) {
  const { ticks, places } = valueTicks(low, high, Math.max(2, Math.round(panel.height / 48)));
  const scale = (value) => panel.top + panel.height - ((value - low) / (high - low)) * panel.height;
  const layer = shape("g");
  for (const tick of ticks) {
    const y = Math.round(scale(tick)) + 0.5;
    layer.append(
      shape("path", { class: "grid", d: `M${panel.left} ${y}H${panel.left + panel.width}` }),
      shape("text", { x: panel.left + panel.width + 6, y: y + 4 }, write(tick, places)),
    );
  }
  return { layer, scale };
}

/** How many labels fit along the bottom. */
const timeRoom = (width) => Math.max(3, Math.floor(width / 84));

/** Draw the time axis under one or more panels; place gives the pixel of a position. */
function timeAxis(ticks, place, top, bottom, left, right) {
  const layer = shape("g");
  let free = -Infinity;
  for (const tick of ticks) {
    const x = Math.round(place(tick.index)) + 0.5;
    if (x < left - 1 || x > right + 1) continue;
    layer.append(shape("path", { class: "grid", d: `M${x} ${top}V${bottom}` }));
    const half = tick.text.length * 3.2;
    const center = Math.max(left + half - 4, Math.min(right + 30 - half, x));
    if (center - half < free) continue;
    free = center + half + 8;
    layer.append(shape("text", { x: center, y: bottom + 15, "text-anchor": "middle" }, tick.text));
  }
  return layer;
}

/** Widen limits a little, so that lines do not touch the frame; equal limits get room as well. */
function roomy(low, high, share = 0.05) {
  const spread = high - low || Math.abs(high) * 0.01 || 1;
  return [low - spread * share, high + spread * share];
}
