// Small helpers that all parts of the page share.

const find = (selector) => document.querySelector(selector);
const data = JSON.parse(find("#data").textContent);
const MINUS = "\u2212";

/** Make an HTML element; text children are never parsed as markup. */
function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Make an SVG element. */
function shape(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

/** Write thousands separators into an exact decimal text, without ever making it a float. */
function grouped(text, signed = false) {
  const [whole, places] = text.replace("-", "").split(".");
  const sign = text.startsWith("-") ? MINUS : signed && /[1-9]/.test(text) ? "+" : "";
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + (places ? `.${places}` : "");
}

/** Write a float of the charts with separators. */
const decimal = (value, places, signed = false) => grouped(value.toFixed(places), signed);

/** Write a fraction as per cent. */
const percent = (value, places = 2, signed = true) => `${grouped((value * 100).toFixed(places), signed)} %`;

const pad = (number) => String(number).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Write milliseconds since the epoch as UTC; seconds only where there are some. */
function utc(time) {
  const iso = new Date(time).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, iso.slice(17, 19) === "00" ? 16 : 19)}`;
}

/** Write a length of time in its two largest units. */
function duration(milliseconds) {
  let seconds = Math.round(milliseconds / 1000);
  const parts = [];
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count) parts.push(`${count} ${unit}`);
    else if (parts.length) break;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** Turn steps back into running values. */
function running(first, steps, unit = 1) {
  const values = new Float64Array(steps.length + 1);
  values[0] = first;
  for (let i = 0; i < steps.length; i += 1) values[i + 1] = values[i] + steps[i] * unit;
  return values;
}

/** The last position whose value is not above the wanted one (0 when all are above). */
function lastAtMost(values, wanted) {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (values[middle] <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Show facts as "name value" above a chart; each is [name, value, kind]. */
function readOut(place, facts) {
  place.replaceChildren(...facts.map(([name, value, kind]) =>
    element("span", {}, name ? `${name} ` : "", element("b", { class: kind }, value))));
}

const gainKind = (value) => (value > 0 ? "up" : value < 0 ? "down" : null);

/** Draw again whenever the width of a chart changes, and once at the start. */
function onWidth(place, draw) {
  let width = 0;
  const check = () => {
    const now = Math.round(place.clientWidth);
    if (now > 0 && now !== width) {
      width = now;
      draw(now);
    }
  };
  new ResizeObserver(check).observe(place);
  check();
}

/** Let the reader choose light or dark; the system decides until then. */
function startTheme() {
  const button = find("#theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = recall();
  const show = () => {
    const dark = chosen ? chosen === "dark" : system.matches;
    if (chosen) document.documentElement.dataset.theme = chosen;
    button.setAttribute("aria-pressed", String(dark));
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", dark ? "Use light colors" : "Use dark colors");
  };
  button.addEventListener("click", () => {
    chosen = (chosen ? chosen === "dark" : system.matches) ? "light" : "dark";
    remember(chosen);
    show();
  });
  system.addEventListener("change", show);
  show();
}

// A browser may refuse storage to local files; then the choice lasts as long as the page.
function recall() {
  try { return localStorage.getItem("tearsheet-theme"); } catch { return null; }
}

function remember(theme) {
  try { localStorage.setItem("tearsheet-theme", theme); } catch { /* kept for this page only */ }
}
