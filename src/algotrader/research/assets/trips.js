// The table of round trips: sorted, filtered, and made row by row as the reader scrolls.

const TRIP = { symbol: 0, strategy: 1, side: 2, quantity: 3, entry: 4, exit: 5, entered: 6, left: 7, pnl: 8, share: 9, commission: 10, stop: 11, reason: 12 };
const CHUNK = 200;
const ALL_AT_ONCE = 500;
const table = { order: [], made: 0, key: "number", down: false, active: null };

const nameOf = (index) => (trip) => data.names[trip[index]];
const numberOf = (index) => (trip) => Number(trip[index]);
const sideText = (trip) => (trip[TRIP.side] > 0 ? "long" : "short");

/** Columns: key, heading, what to sort by, what to show, whether it is a number. */
const COLUMNS = [
  ["number", "#", (trip, i) => i, (trip, i) => String(i + 1), true],
  ["symbol", "Symbol", nameOf(TRIP.symbol), nameOf(TRIP.symbol)],
  ["strategy", "Strategy", nameOf(TRIP.strategy), nameOf(TRIP.strategy)],
  ["side", "Side", sideText, sideText],
  ["quantity", "Quantity", numberOf(TRIP.quantity), (trip) => grouped(trip[TRIP.quantity]), true],
  ["entered", "Entry (UTC)", (trip) => trip[TRIP.entered], (trip) => utc(trip[TRIP.entered])],
  ["entry", "Entry price", numberOf(TRIP.entry), (trip) => grouped(trip[TRIP.entry]), true],
  ["left", "Exit (UTC)", (trip) => trip[TRIP.left], (trip) => utc(trip[TRIP.left])],
  ["exit", "Exit price", numberOf(TRIP.exit), (trip) => grouped(trip[TRIP.exit]), true],
  ["pnl", "P&L", numberOf(TRIP.pnl), (trip) => grouped(trip[TRIP.pnl], true), true],
  ["share", "P&L %", (trip) => trip[TRIP.share] ?? -Infinity, (trip) => (trip[TRIP.share] === null ? "n/a" : percent(trip[TRIP.share])), true],
  ["held", "Held", (trip) => trip[TRIP.left] - trip[TRIP.entered], (trip) => duration(trip[TRIP.left] - trip[TRIP.entered]), true],
  ["commission", "Fees", numberOf(TRIP.commission), (trip) => grouped(trip[TRIP.commission]), true],
  ["reason", "Exit reason", nameOf(TRIP.reason), nameOf(TRIP.reason)],
];

function startTrips() {
  const single = new Set(data.trips.map((trip) => trip[TRIP.strategy])).size < 2;
  table.columns = COLUMNS.filter(([key]) => !(single && key === "strategy"));
  find("#trip-count").textContent = decimal(data.trips.length, 0);
  find("#trip-table thead tr").append(...table.columns.map(heading));
  for (const id of ["#find", "#side", "#outcome"]) find(id).addEventListener("input", arrange);
  const body = find("#trip-table tbody");
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-number]");
    if (row) choose(row, true);
  });
  body.addEventListener("keydown", rowKey);
  find("#trip-scroll").addEventListener("scroll", (event) => {
    const { scrollTop, clientHeight, scrollHeight } = event.target;
    if (scrollTop + clientHeight > scrollHeight - 400) makeRows();
  }, { passive: true });
  addEventListener("beforeprint", () => { while (table.made < Math.min(table.order.length, ALL_AT_ONCE)) makeRows(); });
  arrange();
}

function heading([key, text, , , numeric]) {
  const button = element("button", { type: "button" }, text);
  button.addEventListener("click", () => {
    table.down = table.key === key ? !table.down : ["pnl", "share", "held"].includes(key);
    table.key = key;
    arrange();
  });
  return element("th", { scope: "col", class: numeric ? "num" : null, "data-key": key, "data-text": text }, button);
}

/** Filter and sort anew, and start the table from its top. */
function arrange() {
  const wanted = find("#find").value.trim().toLowerCase();
  const side = Number(find("#side").value);
  const outcome = find("#outcome").value;
  const fits = (trip) => {
    if (side && trip[TRIP.side] !== side) return false;
    const pnl = Number(trip[TRIP.pnl]);
    if ((outcome === "win" && pnl <= 0) || (outcome === "loss" && pnl >= 0)) return false;
    return !wanted || [TRIP.symbol, TRIP.strategy, TRIP.reason].some((index) => data.names[trip[index]].toLowerCase().includes(wanted));
  };
  const [, , value] = COLUMNS.find(([key]) => key === table.key);
  const sign = table.down ? -1 : 1;
  const rows = data.trips.map((trip, i) => [value(trip, i), i]).filter(([, i]) => fits(data.trips[i]));
  rows.sort((a, b) => (a[0] < b[0] ? -sign : a[0] > b[0] ? sign : a[1] - b[1]));
  table.order = rows.map(([, i]) => i);
  table.made = 0;
  find("#trip-table tbody").replaceChildren();
  find("#trip-scroll").scrollTop = 0;
  makeRows();
  showSort();
  showSum();
}

function showSort() {
  for (const cell of document.querySelectorAll("#trip-table thead th")) {
    const sorted = cell.dataset.key === table.key;
    cell.setAttribute("aria-sort", sorted ? (table.down ? "descending" : "ascending") : "none");
    cell.firstChild.textContent = cell.dataset.text + (sorted ? (table.down ? " \u25BC" : " \u25B2") : "");
  }
}

/** Make the next rows; all of them when the table is short. */
function makeRows() {
  const body = find("#trip-table tbody");
  const end = table.order.length <= ALL_AT_ONCE ? table.order.length : Math.min(table.made + CHUNK, table.order.length);
  const rows = [];
  for (; table.made < end; table.made += 1) rows.push(makeRow(table.order[table.made]));
  body.append(...rows);
  if (!table.order.length) {
    const text = data.trips.length ? "No round trip fits." : "The run made no round trip.";
    body.replaceChildren(element("tr", {}, element("td", { colspan: table.columns.length, class: "empty" }, text)));
  }
  if (body.firstChild && !body.querySelector('[tabindex="0"]')) body.firstChild.setAttribute("tabindex", "0");
}

function makeRow(number) {
  const trip = data.trips[number];
  const cells = table.columns.map(([key, , , text, numeric]) => {
    const gain = key === "pnl" || key === "share" ? gainKind(Number(trip[TRIP.pnl])) : null;
    return element("td", { class: [numeric ? "num" : "", gain ?? ""].join(" ").trim() || null }, text(trip, number));
  });
  return element("tr", { "data-number": number, tabindex: "-1", "aria-selected": number === table.active ? "true" : null }, ...cells);
}

/** Say how many rows are listed and what they add up to, exactly: amounts are summed as whole hundred-millionths. */
function showSum() {
  const units = (text) => {
    const [whole, places = ""] = text.split(".");
    return BigInt(whole + places.padEnd(8, "0"));
  };
  const total = table.order.reduce((sum, i) => sum + units(data.trips[i][TRIP.pnl]), 0n);
  const digits = String(total < 0n ? -total : total).padStart(9, "0");
  const text = `${total < 0n ? "-" : ""}${digits.slice(0, -8)}.${digits.slice(-8).replace(/0{1,6}$/, "")}`;
  find("#trip-sum").textContent = data.trips.length
    ? `${decimal(table.order.length, 0)} of ${decimal(data.trips.length, 0)} round trips, net P&L ${grouped(text, true)}. Click a row to see it on the chart; up and down keys step through.`
    : "";
}

function choose(row, scroll) {
  showTrip(Number(row.dataset.number));
  row.focus({ preventScroll: true });
  if (scroll) find("#price").scrollIntoView({ block: "nearest" });
}

function rowKey(event) {
  const row = event.target.closest("tr[data-number]");
  if (!row) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    choose(row, true);
    return;
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  if (event.key === "ArrowDown" && !row.nextSibling) makeRows();
  const next = event.key === "ArrowDown" ? row.nextSibling : row.previousSibling;
  if (!next) return;
  choose(next, false);
  keepInSight(next);
}

/** Scroll the table, not the page, so that the row is seen under the sticky head. */
function keepInSight(row) {
  const box = find("#trip-scroll");
  const head = find("#trip-table thead").offsetHeight;
  if (row.offsetTop < box.scrollTop + head) box.scrollTop = row.offsetTop - head;
  else if (row.offsetTop + row.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = row.offsetTop + row.offsetHeight - box.clientHeight;
}

/** Mark the chosen round trip in the table, when its row is made. */
function markRow(number) {
  table.active = number;
  const body = find("#trip-table tbody");
  for (const row of body.querySelectorAll('[aria-selected="true"]')) row.removeAttribute("aria-selected");
  const row = number === null ? null : body.querySelector(`tr[data-number="${number}"]`);
  if (!row) return;
  for (const other of body.querySelectorAll('[tabindex="0"]')) other.setAttribute("tabindex", "-1");
  row.setAttribute("aria-selected", "true");
  row.setAttribute("tabindex", "0");
  if (!body.contains(document.activeElement)) keepInSight(row);
}
