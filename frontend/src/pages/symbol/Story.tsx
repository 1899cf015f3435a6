import type { Marker } from "../../api/types";
import { price } from "../../format/decimal";
import { sentence, words } from "../../format/words";
import { Link, orderLink } from "../../ui/Link";
import { Card, Empty } from "../../ui/parts";
import { CsvButton, type Column } from "../../ui/Table";
import { Time } from "../../ui/values";

const TONES: Readonly<Record<string, string>> = { entry: "good", exit: "fair", signal: "violet", denied: "bad", stop_placed: "info", stop_moved: "info" };
const NAMES: Readonly<Record<string, string>> = { signal: "Signal", denied: "Signal denied", entry: "Entry", exit: "Exit", stop_placed: "Stop placed", stop_moved: "Stop moved" };
const SHOWN = 60;

const COLUMNS: readonly Column<Marker>[] = [
  { title: "Time (UTC)", csv: (row) => row.time, show: (row) => row.time },
  { title: "Kind", csv: (row) => row.kind, show: (row) => row.kind },
  { title: "Side", csv: (row) => row.side, show: (row) => row.side },
  { title: "Price", csv: (row) => row.price, show: (row) => row.price },
  { title: "Text", csv: (row) => row.text, show: (row) => row.text },
];

/** What happened on the chart, newest first, in words: why a signal was taken or denied, and what became of it. */
export function Story({ markers, symbol }: { markers: readonly Marker[]; symbol: string }) {
  const shown = [...markers].reverse().slice(0, SHOWN);
  return (
    <Card title="Signals and what became of them" tools={shown.length > 0 && <CsvButton name={`${symbol}-marks`} columns={COLUMNS} read={() => markers} />}>
      {shown.length === 0 && <Empty title="No signal yet">The reason for every signal that is taken or denied will stand here.</Empty>}
      <ol className="timeline story" tabIndex={shown.length > 0 ? 0 : undefined} aria-label="Signals, newest first">
        {shown.map((one, index) => (
          <li key={`${one.time} ${index}`} className={TONES[one.kind] ?? ""}>
            <span className="muted small">
              <Time value={one.time} full />
            </span>
            <b>{one.order_id ? <Link href={orderLink(one.order_id)}>{NAMES[one.kind] ?? words(one.kind)}</Link> : (NAMES[one.kind] ?? words(one.kind))}</b>
            {one.price && <span>{price(one.price)}</span>}
            <span className="muted">{sentence(one.text)}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
