// The heat map: two parameters across and down, a figure as color; the trials that share a cell are taken together.

const CELL = { least: 34, most: 76, height: 30, label: 56, foot: 40 };
const heat = { cells: [], at: null };

function startHeat() {
  const many = data.axes.map((axis, i) => i).filter((i) => data.axes[i].values.length > 1);
  const names = data.axes.map((axis) => axis.name);
  options(find("#heat-window"), data.windows.map((name) => name));
  find("#heat-window").parentElement.hidden = data.windows.length < 2;
  options(find("#heat-metric"), data.metrics.map((metric) => metric.label), data.metric);
  options(find("#heat-x"), names, many[0] ?? 0);
  options(find("#heat-y"), names, many[1] ?? many[0] ?? 0);
  for (const select of document.querySelectorAll("#heat select")) select.addEventListener("input", () => drawHeat());
  onWidth(find("#heat-chart"), () => drawHeat());
}

const chosen = (id) => Number(find(id).value);

/** Gather the figures of all trials by cell. */
function gather() {
  const [x, y, metric] = [chosen("#heat-x"), chosen("#heat-y"), chosen("#heat-metric")];
  const wanted = data.numbers[chosen("#heat-window")];
  const cells = new Map();
  for (const row of data.rows) {
    if (row[WINDOW] !== wanted) continue;
    const places = placesOf(row[POINT]);
    const key = places[x] + ":" + (x === y ? 0 : places[y]);
    if (!cells.has(key)) cells.set(key, { x: places[x], y: x === y ? 0 : places[y], rows: [] });
    cells.get(key).rows.push(row);
  }
  for (const cell of cells.values()) cell.value = taken(cell.rows, metric);
  return { x, y, metric, single: x === y, cells: [...cells.values()] };
}

/** The best, mean or worst figure of the trials in a cell. */
function taken(rows, metric) {
  const values = rows.map((row) => valueOf(row, metric)).filter((value) => value !== null).sort((a, b) => betterFirst(a, b, metric));
  if (!values.length) return null;
  const how = find("#heat-take").value;
  if (how === "mean") return values.reduce((sum, value) => sum + value, 0) / values.length;
  return how === "best" ? values[0] : values[values.length - 1];
}

/** Color by sign where there are both signs, else by how good a value is among the others. */
function shade(cells, metric) {
  const values = cells.map((cell) => cell.value).filter((value) => value !== null);
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (low < 0 && high > 0) {
    const most = Math.max(-low, high);
    return (value) => [value < 0 ? "loss" : "gain", Math.abs(value) / most];
  }
  const span = high - low || 1;
  return (value) => ["gain", (data.metrics[metric].lower ? high - value : value - low) / span];
}

function drawHeat() {
  const place = find("#heat-chart");
  const map = gather();
  const across = data.axes[map.x].values;
  const down = map.single ? [""] : data.axes[map.y].values;
  find("#heat-rest").hidden = data.axes.filter((axis, i) => axis.values.length > 1 && i !== map.x && i !== map.y).length === 0;
  const width = Math.max(CELL.least, Math.min(CELL.most, (place.clientWidth - CELL.label - 8) / across.length));
  const size = { width: CELL.label + width * across.length + 8, height: CELL.height * down.length + CELL.foot };
  const drawing = shape("svg", {
    viewBox: `0 0 ${size.width} ${size.height}`, width: size.width, height: size.height, tabindex: 0, role: "img",
    "aria-label": `Heat map of ${data.metrics[map.metric].label}; arrow keys move through it`,
  });
  const color = shade(map.cells, map.metric);
  const box = (cell) => ({ x: CELL.label + cell.x * width, y: cell.y * CELL.height, width, height: CELL.height });
  for (const cell of map.cells) drawing.append(...drawCell(cell, map.metric, box(cell), color));
  const best = map.cells.filter((cell) => cell.value !== null).sort((a, b) => betterFirst(a.value, b.value, map.metric))[0];
  if (best) drawing.append(shape("rect", { class: "frame", ...box(best) }));
  heat.mark = shape("rect", { class: "frame at", visibility: "hidden" });
  drawing.append(heat.mark, ...axisTexts(across, down, width, map));
  drawing.addEventListener("keydown", (event) => moveHeat(event, map, box));
  place.replaceChildren(drawing);
  heat.at = best ?? null;
  tellCell(best, map);
}

function drawCell(cell, metric, box, color) {
  const [kind, strength] = cell.value === null ? ["none", 1] : color(cell.value);
  const area = shape("rect", { class: `cell ${kind}`, ...box, "fill-opacity": cell.value === null ? 1 : (0.06 + 0.6 * strength).toFixed(3) });
  area.addEventListener("pointerenter", () => tellCell(cell, gather()));
  const text = cell.value === null ? "n/a" : written(cell.value, metric);
  if (text.length * 6.2 > box.width - 4) return [area];
  const label = shape("text", { class: "value", x: box.x + box.width / 2, y: box.y + box.height / 2 + 4, "text-anchor": "middle" }, text);
  label.style.pointerEvents = "none";
  return [area, label];
}

/** Names of the values, as many as there is room for, and of the two parameters. */
function axisTexts(across, down, width, map) {
  const bottom = CELL.height * down.length;
  const every = Math.ceil(Math.max(...across.map((text) => text.length)) * 6.5 / width);
  const texts = across.map((text, i) => (i % every ? null : shape("text", {
    x: CELL.label + (i + 0.5) * width, y: bottom + 15, "text-anchor": "middle",
  }, text)));
  texts.push(...down.map((text, i) => shape("text", { x: CELL.label - 6, y: (i + 0.5) * CELL.height + 4, "text-anchor": "end" }, text.slice(0, 8))));
  texts.push(shape("text", { x: CELL.label, y: bottom + 33 }, map.single ? `${data.axes[map.x].name} \u2192` : `${data.axes[map.x].name} \u2192, ${data.axes[map.y].name} \u2193`));
  return texts.filter((text) => text !== null);
}

function moveHeat(event, map, box) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step || !heat.at) return;
  event.preventDefault();
  const ahead = (cell) => (cell.x - heat.at.x) * step[0] + (cell.y - heat.at.y) * step[1];
  const aside = (cell) => (step[0] ? cell.y !== heat.at.y : cell.x !== heat.at.x);
  const next = map.cells.filter((cell) => !aside(cell) && ahead(cell) > 0).sort((a, b) => ahead(a) - ahead(b))[0];
  if (!next) return;
  heat.at = next;
  for (const [name, value] of Object.entries({ ...box(next), visibility: "visible" })) heat.mark.setAttribute(name, value);
  tellCell(next, map);
}

function tellCell(cell, map) {
  if (!cell) {
    readOut(find("#heat-readout"), [["", "No trial has this figure."]]);
    return;
  }
  const facts = [[data.axes[map.x].name, data.axes[map.x].values[cell.x]]];
  if (!map.single) facts.push([data.axes[map.y].name, data.axes[map.y].values[cell.y]]);
  facts.push([data.metrics[map.metric].label, written(cell.value, map.metric)]);
  facts.push([cell.rows.length === 1 ? "trial" : "trials", cell.rows.length === 1 ? String(cell.rows[0][TRIAL]) : decimal(cell.rows.length, 0)]);
  readOut(find("#heat-readout"), facts);
}
