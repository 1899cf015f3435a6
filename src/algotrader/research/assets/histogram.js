// How often which daily return came about.

function startHistogram() {
  const place = find("#days-chart");
  if (!data.histogram) {
    place.append(element("p", { class: "empty" }, "Too few days, or no day that differs from another."));
    return;
  }
  tellDays();
  onWidth(place, (width) => drawHistogram(place, data.histogram, width));
}

function tellDays() {
  const { counts, first, mean } = data.histogram;
  const gains = counts.reduce((sum, count, i) => sum + (first + i >= 0 ? count : 0), 0);
  const all = counts.reduce((sum, count) => sum + count, 0);
  readOut(find("#days-readout"), [["Days", decimal(all, 0)], ["not losing", percent(gains / all, 0, false)], ["Mean", percent(mean, 3)]]);
}

function drawHistogram(place, { first, width: step, counts, mean }, width) {
  const panel = { left: 4, top: 8, width: width - 40, height: width < 500 ? 180 : 210 };
  const highest = counts.reduce((a, b) => Math.max(a, b));
  const axis = valueAxis(panel, 0, highest * 1.05, (value, places) => decimal(value, places));
  const column = panel.width / counts.length;
  const x = (value) => panel.left + (value / step - first) * column;
  const bottom = panel.top + panel.height;
  const drawing = shape("svg", {
    viewBox: `0 0 ${width} ${bottom + 22}`, height: bottom + 22, role: "img", "aria-label": "Histogram of daily returns",
  }, axis.layer);
  counts.forEach((count, i) => drawing.append(...bin(count, i)));
  const { ticks, places } = valueTicks(first * step, (first + counts.length) * step, Math.max(2, panel.width / 80));
  for (const tick of ticks) {
    const text = percent(tick, Math.max(0, places - 2));
    const center = Math.max(panel.left + 16, Math.min(panel.left + panel.width, x(tick)));
    drawing.append(shape("text", { x: center, y: bottom + 15, "text-anchor": "middle" }, text));
  }
  const middle = Math.round(x(mean)) + 0.5;
  drawing.append(shape("path", { class: "mean", d: `M${middle} ${panel.top}V${bottom}` }));
  place.replaceChildren(drawing);

  function bin(count, i) {
    const from = (first + i) * step;
    const top = axis.scale(count);
    const area = shape("rect", { x: panel.left + i * column, y: panel.top, width: column, height: panel.height, fill: "transparent" });
    area.addEventListener("pointerenter", () => readOut(find("#days-readout"), [
      ["", `${percent(from)} to ${percent(from + step)}`], ["Days", decimal(count, 0)],
    ]));
    area.addEventListener("pointerleave", tellDays);
    return [shape("rect", {
      class: first + i >= 0 ? "bar-up" : "bar-down",
      x: panel.left + i * column + 0.5, y: top, width: Math.max(column - 1, 1), height: bottom - top,
    }), area];
  }
}
