// The table of trials, sorted by any of its columns; the first rows of the order are shown.

const MOST_SHOWN = 500;
const sorting = { column: null, down: false };

function startTable() {
  const columns = tableColumns();
  sorting.column = columns.find((column) => column.metric === data.metric);
  find("#trial-count").textContent = decimal(data.rows.length, 0);
  find("#trial-table thead tr").append(...columns.map((column) => tableHeading(column, columns)));
  fillTable(columns);
}

/** Window (where there are several), trial, every parameter, every figure. */
function tableColumns() {
  const columns = [{ name: "Trial", value: (row) => row[TRIAL], text: (row) => String(row[TRIAL]), numeric: true }];
  if (data.windows.length > 1) columns.unshift({ name: "Window", value: (row) => row[WINDOW], text: (row) => String(row[WINDOW]), numeric: true });
  data.axes.forEach((axis, i) => columns.push({
    name: axis.name, value: (row) => placesOf(row[POINT])[i], text: (row) => axis.values[placesOf(row[POINT])[i]], numeric: axis.numeric,
  }));
  data.metrics.forEach((metric, i) => columns.push({
    name: metric.label, metric: i, value: (row) => valueOf(row, i), text: (row) => written(valueOf(row, i), i), numeric: true,
  }));
  return columns;
}

function tableHeading(column, columns) {
  const button = element("button", { type: "button" }, column.name);
  button.addEventListener("click", () => {
    sorting.down = sorting.column === column && !sorting.down;
    sorting.column = column;
    fillTable(columns);
  });
  column.cell = element("th", { scope: "col", class: column.numeric ? "num" : null }, button);
  return column.cell;
}

/** Sort: the first click on a figure puts the best at the top, the second the worst; runs without it stay at the end. */
function fillTable(columns) {
  const { column, down } = sorting;
  const compare = (a, b) => {
    const [first, second] = [column.value(a), column.value(b)];
    if (first === null || second === null) return (first === null) - (second === null);
    const order = column.metric === undefined ? first - second : betterFirst(first, second, column.metric);
    return (down ? -order : order) || a[WINDOW] - b[WINDOW] || a[TRIAL] - b[TRIAL];
  };
  const rows = [...data.rows].sort(compare).slice(0, MOST_SHOWN);
  find("#trial-table tbody").replaceChildren(...rows.map((row) => element("tr", {}, ...columns.map((each) =>
    element("td", { class: each.numeric ? "num" : null }, each.text(row))))));
  for (const each of columns) {
    const sorted = each === column;
    const rising = each.metric === undefined || data.metrics[each.metric].lower ? !down : down;
    each.cell.setAttribute("aria-sort", sorted ? (rising ? "ascending" : "descending") : "none");
    each.cell.firstChild.textContent = each.name + (sorted ? (rising ? " \u25B2" : " \u25BC") : "");
  }
  const left = data.left ? ` ${decimal(data.left, 0)} more are in the Parquet file only.` : "";
  find("#trial-note").textContent = data.rows.length > MOST_SHOWN ? `The first ${MOST_SHOWN} of ${decimal(data.rows.length, 0)} are shown.${left}` : left.trim();
}
