// Pointer, wheel and keyboard on the price chart, and what it says about the place under the pointer.

function handlePrice(drawing) {
  const held = new Map();
  let moved = 0;
  const left = () => drawing.getBoundingClientRect().left + price.panel.left;
  const at = (clientX) => price.from + ((clientX - left()) / price.panel.width) * (price.to - price.from);

  drawing.addEventListener("pointerdown", (event) => {
    held.set(event.pointerId, event.clientX);
    drawing.setPointerCapture(event.pointerId);
    moved = 0;
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!held.has(event.pointerId)) {
      tellPrice(at(event.clientX), event);
      return;
    }
    const before = [...held.values()];
    held.set(event.pointerId, event.clientX);
    const after = [...held.values()];
    if (held.size === 1) dragBy(after[0] - before[0]);
    else if (held.size === 2) pinch(before, after);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    drawing.addEventListener(name, (event) => {
      if (name === "pointerup" && held.size === 1 && moved < 4) chooseNear(at(event.clientX), event);
      held.delete(event.pointerId);
      drawing.classList.remove("moving");
    });
  }
  drawing.addEventListener("pointerleave", () => tellPrice(null));
  drawing.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 120), at(event.clientX));
  }, { passive: false });
  drawing.addEventListener("dblclick", () => showSymbol(price.chart));
  drawing.addEventListener("keydown", priceKey);

  function dragBy(pixels) {
    moved += Math.abs(pixels);
    drawing.classList.add("moving");
    move(-pixels / price.panel.width);
  }

  function pinch(before, after) {
    moved += 10;
    const apart = (pair) => Math.max(Math.abs(pair[0] - pair[1]), 8);
    zoom(apart(before) / apart(after), at((after[0] + after[1]) / 2));
  }
}

function priceKey(event) {
  const actions = {
    ArrowLeft: () => (event.shiftKey ? move(-0.2) : stepTrip(-1)),
    ArrowRight: () => (event.shiftKey ? move(0.2) : stepTrip(1)),
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => showSymbol(price.chart), Home: () => showSymbol(price.chart),
  };
  const action = event.ctrlKey || event.metaKey || event.altKey ? null : actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

/** The round trip whose entry or exit mark is nearest to the pointer, when it is near. */
function tripNear(at, event) {
  const { chart, panel, axis, from, to } = price;
  const scale = panel.width / (to - from);
  const height = event.clientY - find("#price-chart svg").getBoundingClientRect().top;
  let best = null;
  let least = 14;
  chart.trips.forEach((number, i) => {
    const trip = data.trips[number];
    for (const [place, level] of [[chart.entry[i], trip[TRIP.entry]], [chart.exit[i], trip[TRIP.exit]]]) {
      if (Math.abs(place - at) * scale >= least) continue;
      const distance = Math.hypot((place - at) * scale, axis.scale(Number(level)) - height);
      if (distance < least) [best, least] = [number, distance];
    }
  });
  return best;
}

function chooseNear(at, event) {
  const number = tripNear(at, event);
  if (number !== null) showTrip(number);
}

/** Say what lies under the pointer: the bar, and the round trip near it or the chosen one. */
function tellPrice(at, event) {
  const { chart, trip } = price;
  const bars = chart.bars;
  const i = at === null ? lastAtMost(bars.at, price.to - 1e-9) : lastAtMost(bars.at, Math.max(0, Math.min(at, bars.end - 1)));
  const write = (value) => decimal(value, chart.digits);
  const facts = [
    ["", `${utc(bars.time[i])} UTC`], ["O", write(bars.open[i])], ["H", write(bars.high[i])], ["L", write(bars.low[i])],
    ["C", write(bars.close[i]), gainKind(bars.close[i] - bars.open[i])],
  ];
  if (spanOf(bars, i) > 1) facts.push(["", `${spanOf(bars, i)} bars in one`]);
  const number = event ? tripNear(at, event) ?? trip : trip;
  if (number !== null && number !== undefined) facts.push(...tripFacts(number));
  readOut(find("#price-readout"), facts);
}

function tripFacts(number) {
  const trip = data.trips[number];
  const facts = [
    ["", `#${number + 1} ${trip[TRIP.side] > 0 ? "long" : "short"} ${grouped(trip[TRIP.quantity])}`],
    ["in", grouped(trip[TRIP.entry])], ["out", grouped(trip[TRIP.exit])],
    ["P&L", `${grouped(trip[TRIP.pnl], true)}${trip[TRIP.share] === null ? "" : ` (${percent(trip[TRIP.share])})`}`, gainKind(Number(trip[TRIP.pnl]))],
  ];
  if (trip[TRIP.stop] !== null) facts.push(["planned stop", grouped(trip[TRIP.stop])]);
  if (data.names[trip[TRIP.reason]]) facts.push(["reason", data.names[trip[TRIP.reason]]]);
  return facts;
}
