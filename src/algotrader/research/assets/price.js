// The price chart: which stretch of which symbol is shown, and the round trips and stops upon it.

const LEAST_BARS = 12;
const price = { chart: null, from: 0, to: 1, trip: null, width: 0, ask: false };

function startPrice() {
  const place = find("#price-chart");
  const select = find("#symbol");
  if (!data.prices.length) {
    place.append(element("p", { class: "empty" }, "The run kept no prices."));
    for (const node of document.querySelectorAll("#price .tools, #price .legend, #price .note")) node.hidden = true;
    return;
  }
  data.prices.forEach((chart, i) => select.append(element("option", { value: i }, data.names[chart.symbol])));
  select.addEventListener("change", () => showSymbol(data.prices[Number(select.value)]));
  find("#zoom-in").addEventListener("click", () => zoom(0.5));
  find("#zoom-out").addEventListener("click", () => zoom(2));
  find("#whole").addEventListener("click", () => showSymbol(price.chart));
  find("#previous").addEventListener("click", () => stepTrip(-1));
  find("#next").addEventListener("click", () => stepTrip(1));
  showSymbol(data.prices[0]);
  onWidth(place, (width) => { price.width = width; drawPrice(); });
}

function showSymbol(chart) {
  price.chart = chart;
  price.trip = null;
  find("#symbol").value = String(data.prices.indexOf(chart));
  look(0, decode(chart).end);
  markRow(null);
}

/** Show a stretch of the axis, kept inside the data and not too narrow to see. */
function look(from, to) {
  const end = price.chart.bars.end;
  const width = Math.min(Math.max(to - from, Math.min(LEAST_BARS, end)), end);
  const middle = (from + to) / 2;
  price.from = Math.max(0, Math.min(end - width, middle - width / 2));
  price.to = price.from + width;
  if (price.ask) return;
  price.ask = true;
  requestAnimationFrame(() => { price.ask = false; drawPrice(); });
}

function zoom(factor, around = (price.from + price.to) / 2) {
  const from = around - (around - price.from) * factor;
  look(from, from + (price.to - price.from) * factor);
}

const move = (share) => look(price.from + (price.to - price.from) * share, price.to + (price.to - price.from) * share);

/** Go to the round trip before or after the chosen one, or to the first in view. */
function stepTrip(step) {
  const { trips, entry } = price.chart;
  if (!trips.length) return;
  const chosen = trips.indexOf(price.trip);
  const inView = entry.findIndex((at) => at >= price.from);
  const next = chosen < 0 ? Math.max(inView, 0) : Math.max(0, Math.min(trips.length - 1, chosen + step));
  showTrip(trips[next]);
}

/** Choose a round trip by its number in the table and bring it into view. */
function showTrip(number) {
  const chart = data.prices.find((one) => one.symbol === data.trips[number][TRIP.symbol]);
  markRow(number);
  if (!chart) {
    readOut(find("#price-readout"), [["", "The run kept no prices of this symbol."]]);
    return;
  }
  price.chart = chart;
  price.trip = number;
  find("#symbol").value = String(data.prices.indexOf(chart));
  decode(chart);
  const i = chart.trips.indexOf(number);
  const around = Math.max(15, (chart.exit[i] - chart.entry[i]) * 0.6);
  look(chart.entry[i] - around, chart.exit[i] + around);
}

function drawPrice() {
  const { chart, from, to, width } = price;
  if (!width || !chart) return;
  const narrow = width < 500;
  const panel = { left: 4, top: 8, width: width - (narrow ? 54 : 68), height: narrow ? 260 : 380 };
  const bars = decode(chart);
  const seen = visibleBars(bars, from, to);
  const stops = stopLines(chart, from, to, seen);
  const [low, high] = roomy(Math.min(seen.low, stops.low), Math.max(seen.high, stops.high), 0.07);
  const x = (at) => panel.left + ((at - from) / (to - from)) * panel.width;
  const axis = valueAxis(panel, low, high, (value, places) => decimal(value, Math.max(places, Math.min(chart.digits, 2))));
  const ticks = timeTicks(bars.time, seen.first, seen.last, timeRoom(panel.width));
  const bottom = panel.top + panel.height;
  const clip = shape("clipPath", { id: "pane" }, shape("rect", { x: panel.left, y: panel.top, width: panel.width, height: panel.height }));
  const inside = shape("g", { "clip-path": "url(#pane)" }, ...tripBand(chart, x, panel), ...drawBars(bars, seen, x, axis.scale, panel.width),
    ...stops.draw(x, axis.scale), ...tripMarks(chart, from, to, x, axis.scale), ...openMarks(chart, from, to, x, axis.scale));
  const drawing = shape("svg", {
    viewBox: `0 0 ${width} ${bottom + 22}`, height: bottom + 22, tabindex: 0, role: "img",
    "aria-label": `Price of ${data.names[chart.symbol]} with entries, exits and stops`,
  }, clip, axis.layer, timeAxis(ticks, (i) => x(bars.at[i]), panel.top, bottom, panel.left, panel.left + panel.width), inside);
  const place = find("#price-chart");
  const old = place.querySelector("svg");
  if (old) {
    // The frame stays, so that focus and a drag under way survive the new picture.
    for (const name of ["viewBox", "height", "aria-label"]) old.setAttribute(name, drawing.getAttribute(name));
    old.replaceChildren(...drawing.childNodes);
  } else {
    place.replaceChildren(drawing);
    handlePrice(drawing);
  }
  price.panel = panel;
  price.axis = axis;
  tellPrice(null);
}

/** The parts of the stop lines in view: their range, and how to draw them as steps. */
function stopLines(chart, from, to, seen) {
  const lines = [];
  const reach = (seen.high - seen.low) * 0.6;
  const found = { low: Infinity, high: -Infinity, draw: () => [] };
  for (const [, places, levels] of chart.stops) {
    const first = lastAtMost(places, from);
    for (let i = first; i < places.length && places[i] <= to; i += 1) {
      const level = levels[i];
      if (level === null || level < seen.low - reach || level > seen.high + reach) continue;
      found.low = Math.min(found.low, level);
      found.high = Math.max(found.high, level);
    }
    lines.push({ places, levels, first });
  }
  found.draw = (x, y) => lines.map(({ places, levels, first }) => {
    let d = "";
    let down = false;
    for (let i = first; i < places.length && places[i] <= to; i += 1) {
      const at = x(Math.max(places[i], from)).toFixed(1);
      if (down) d += `H${at}`;
      if (levels[i] !== null) d += `${down ? "V" : `M${at} `}${y(levels[i]).toFixed(1)}`;
      down = levels[i] !== null;
      if (i + 1 === places.length || places[i + 1] > to) d += down ? `H${x(Math.min(places[i + 1] ?? to, to)).toFixed(1)}` : "";
    }
    return shape("path", { class: "stop", d });
  });
  return found;
}

function tripBand(chart, x, panel) {
  const i = chart.trips.indexOf(price.trip);
  if (i < 0) return [];
  const left = x(chart.entry[i]);
  return [shape("rect", { class: "spanned", x: left, y: panel.top, width: Math.max(x(chart.exit[i]) - left, 2), height: panel.height })];
}

/** Entries point in the direction of the position; exits are diamonds after a gain and squares without one. */
function tripMarks(chart, from, to, x, y) {
  const shown = chart.trips.map((number, i) => ({ number, i })).filter(({ i }) => chart.exit[i] >= from && chart.entry[i] <= to);
  const size = shown.length > 300 ? 3 : shown.length > 60 ? 4.5 : 6.5;
  const paths = { link: "", long: "", short: "", win: "", loss: "" };
  for (const { number, i } of shown) {
    const trip = data.trips[number];
    const s = number === price.trip ? 8.5 : size;
    const [x1, y1, x2, y2] = [x(chart.entry[i]), y(Number(trip[TRIP.entry])), x(chart.exit[i]), y(Number(trip[TRIP.exit]))];
    if (shown.length <= 120) paths.link += `M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}`;
    if (trip[TRIP.side] > 0) paths.long += `M${x1.toFixed(1)} ${y1.toFixed(1)}l${s} ${s * 1.7}h${-2 * s}Z`;
    else paths.short += `M${x1.toFixed(1)} ${y1.toFixed(1)}l${s} ${-s * 1.7}h${-2 * s}Z`;
    if (Number(trip[TRIP.pnl]) > 0) paths.win += `M${x2.toFixed(1)} ${(y2 - s).toFixed(1)}l${s} ${s}l${-s} ${s}l${-s} ${-s}Z`;
    else paths.loss += `M${(x2 - s * 0.8).toFixed(1)} ${(y2 - s * 0.8).toFixed(1)}h${s * 1.6}v${s * 1.6}h${-s * 1.6}Z`;
  }
  return Object.entries(paths).map(([kind, d]) => shape("path", { class: kind, d }));
}

/** Entries still held when the run ended are hollow. */
function openMarks(chart, from, to, x, y) {
  return chart.open.filter(([at]) => at >= from && at <= to).map(([at, level, side]) =>
    shape("path", { class: "held", d: `M${x(at).toFixed(1)} ${y(level).toFixed(1)}l6 ${side * 10}h-12Z` }));
}
