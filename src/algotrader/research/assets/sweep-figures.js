// What the heat map and the table share: rows of the sweep and how their figures are written.

const WINDOW = 0;
const TRIAL = 1;
const POINT = 2;
const FIRST = 3;

/** Where a trial stands on each axis; the last axis runs fastest. */
function placesOf(point) {
  const places = [];
  for (let i = data.axes.length - 1; i >= 0; i -= 1) {
    const size = data.axes[i].values.length;
    places.unshift(point % size);
    point = Math.floor(point / size);
  }
  return places;
}

const valueOf = (row, metric) => row[FIRST + metric];

/** Write a figure by its kind. */
function written(value, metric) {
  if (value === null || value === undefined) return "n/a";
  switch (data.metrics[metric].kind) {
    case "percent": return percent(value, 2, false);
    case "money": return decimal(value, 2);
    case "whole": return decimal(value, 0);
    case "seconds": return duration(value * 1000);
    default: return decimal(value, 2);
  }
}

/** Compare two figures: below zero when the first is the better one; none comes last. */
function betterFirst(a, b, metric) {
  if (a === null || b === null) return (a === null) - (b === null);
  return data.metrics[metric].lower ? a - b : b - a;
}

function options(select, texts, chosen = 0) {
  select.replaceChildren(...texts.map((text, i) => element("option", { value: i, selected: i === chosen }, text)));
}
