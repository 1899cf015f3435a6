// The equity curve with its benchmark, and the drawdown beneath on the same time axis.

function startEquity() {
  const curve = data.curve;
  const place = find("#equity-chart");
  if (!curve) {
    place.append(element("p", { class: "empty" }, "The run has no equity curve."));
    return;
  }
  curve.times = running(curve.t0, curve.dt, curve.unit);
  curve.at = running(curve.x[0], curve.x.slice(1));
  equityLegend(curve);
  onWidth(place, (width) => drawEquity(place, curve, width));
  tellEquity(curve, curve.times.length - 1);
}

function equityLegend(curve) {
  const entry = (kind, text) => element("span", {}, element("i", { class: `swatch-${kind}` }), text);
  const legend = find("#equity-legend");
  legend.append(entry("curve", "Equity"));
  if (curve.benchmark) legend.append(entry("versus", curve.benchmarkName));
  legend.append(entry("fall", "Drawdown"));
}

function tellEquity(curve, i) {
  const gain = curve.equity[i] / curve.capital - 1;
  const facts = [
    ["", `${utc(curve.times[i])} UTC`],
    ["Equity", decimal(curve.equity[i], 2)],
    ["Return", percent(gain), gainKind(gain)],
    ["Drawdown", percent(-curve.drawdown[i])],
  ];
  const other = curve.benchmark?.[i];
  if (other !== undefined && other !== null) {
    facts.push([curve.benchmarkName, percent(other / curve.capital - 1), gainKind(other - curve.capital)]);
  }
  readOut(find("#equity-readout"), facts);
}

function drawEquity(place, curve, width) {
  const narrow = width < 500;
  const room = { left: 4, width: width - (narrow ? 58 : 72) };
  const upper = { ...room, top: 8, height: narrow ? 190 : 260 };
  const lower = { ...room, top: upper.top + upper.height + 18, height: narrow ? 70 : 96 };
  const bottom = lower.top + lower.height;
  const last = curve.at[curve.at.length - 1] || 1;
  const x = (i) => room.left + (curve.at[i] / last) * room.width;
  const values = [...curve.equity, ...(curve.benchmark ?? []), curve.capital].filter((value) => value !== null);
  const [low, high] = roomy(values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b)));
  const deepest = Math.max(curve.drawdown.reduce((a, b) => Math.max(a, b)), 0.001);
  const money = valueAxis(upper, low, high, (value, places) => decimal(value, places));
  const depth = valueAxis(lower, -deepest * 1.06, 0, (value) => percent(value, deepest < 0.04 ? 1 : 0, false));
  const ticks = timeTicks(curve.times, 0, curve.times.length - 1, timeRoom(room.width));
  const end = x(curve.at.length - 1);
  const line = path(curve.equity, x, money.scale);
  const base = Math.round(money.scale(curve.capital)) + 0.5;
  const drawing = shape("svg", {
    viewBox: `0 0 ${width} ${bottom + 22}`, height: bottom + 22, tabindex: 0, role: "img",
    "aria-label": "Equity curve and drawdown. Left and right arrow keys read out single points.",
  },
  money.layer, depth.layer, timeAxis(ticks, x, upper.top, bottom, room.left, room.left + room.width),
  shape("path", { class: "base", d: `M${room.left} ${base}H${end}` }),
  shape("path", { class: "area", d: `${line}L${end} ${base}L${x(0)} ${base}Z` }),
  curve.benchmark ? shape("path", { class: "versus", d: path(curve.benchmark, x, money.scale) }) : "",
  shape("path", { class: "curve", d: line }),
  shape("path", { class: "fall", d: `M${x(0)} ${lower.top}${path(curve.drawdown.map((v) => -v), x, depth.scale).replace("M", "L")}L${end} ${lower.top}Z` }));
  hoverEquity(drawing, curve, { x, money, upper, bottom, room, last });
  place.replaceChildren(drawing);
}

/** Join values to a path; a missing value breaks the line. */
function path(values, x, y) {
  let text = "";
  let pen = "M";
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] === null) {
      pen = "M";
      continue;
    }
    text += `${pen}${x(i).toFixed(1)} ${y(values[i]).toFixed(1)}`;
    pen = "L";
  }
  return text;
}

function hoverEquity(drawing, curve, { x, money, upper, bottom, room, last }) {
  const cross = shape("path", { class: "cross", visibility: "hidden" });
  const dot = shape("circle", { class: "dot", r: 4, visibility: "hidden" });
  drawing.append(cross, dot);
  let current = curve.at.length - 1;
  const show = (i, visible = "visible") => {
    current = Math.max(0, Math.min(curve.at.length - 1, i));
    cross.setAttribute("d", `M${Math.round(x(current)) + 0.5} ${upper.top}V${bottom}`);
    dot.setAttribute("cx", x(current));
    dot.setAttribute("cy", money.scale(curve.equity[current]));
    for (const node of [cross, dot]) node.setAttribute("visibility", visible);
    tellEquity(curve, current);
  };
  const leave = () => show(curve.at.length - 1, "hidden");
  drawing.addEventListener("pointermove", (event) => {
    const wanted = ((event.clientX - drawing.getBoundingClientRect().left - room.left) / room.width) * last;
    const below = lastAtMost(curve.at, wanted);
    const above = Math.min(below + 1, curve.at.length - 1);
    show(curve.at[above] - wanted < wanted - curve.at[below] ? above : below);
  });
  drawing.addEventListener("pointerleave", leave);
  drawing.addEventListener("blur", leave);
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -50, PageDown: 50, Home: -1e9, End: 1e9 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(current + step);
  });
}
