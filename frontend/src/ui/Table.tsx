import { useState, type ReactNode } from "react";
import { csv, save, type Column as CsvColumn } from "../format/csv";
import { Icon } from "./Icon";
import { Button } from "./parts";

export interface Column<T> {
  title: string;
  show: (row: T) => ReactNode;
  number?: boolean;
  wraps?: boolean;
  /** What goes into a CSV file; without, the column stays out of it. */
  csv?: CsvColumn<T>["value"];
}

/** Rows that are drawn at first: thousands would hold the page up. */
const PORTION = 200;

interface TableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string | number;
}

/** A table that scrolls in itself where the window is narrow, also by keyboard. */
export function Table<T>({ label, columns, rows, keyOf }: TableProps<T>) {
  const [shown, setShown] = useState(PORTION);
  const left = rows.length - shown;
  const look = (column: Column<T>): string => `${column.number ? "number" : ""} ${column.wraps ? "wraps" : ""}`.trim();
  return (
    <div className="scroll" role="region" aria-label={label} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" className={look(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.title} className={look(column)}>
                  {column.show(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {left > 0 && (
        <p className="table-foot">
          <Button look="small" onClick={() => setShown(shown + 5 * PORTION)}>
            {left > 5 * PORTION ? `${5 * PORTION} of ${left} more` : `${left} more`}
          </Button>
        </p>
      )}
    </div>
  );
}

interface CsvProps<T> {
  name: string;
  columns: readonly Column<T>[];
  /** Everything that fits the filters, not only what is shown. */
  read: () => Promise<readonly T[]> | readonly T[];
  onFailure?: (error: unknown) => void;
}

export function CsvButton<T>({ name, columns, read, onFailure }: CsvProps<T>) {
  const out = columns.filter((column) => column.csv !== undefined) as (Column<T> & Required<Pick<Column<T>, "csv">>)[];
  const download = async (): Promise<void> => {
    try {
      save(`${name}.csv`, csv(out.map((column) => ({ title: column.title, value: column.csv })), await read()));
    } catch (error) {
      onFailure?.(error);
    }
  };
  return (
    <Button look="small" onClick={() => void download()} title={`Save ${name} as a CSV file`}>
      <Icon name="download" /> CSV
    </Button>
  );
}

interface PagerProps {
  offset: number;
  limit: number;
  count: number;
  more: boolean;
  onMove: (offset: number) => void;
}

export function Pager({ offset, limit, count, more, onMove }: PagerProps) {
  return (
    <nav className="table-foot" aria-label="Pages">
      <span>{count ? `${offset + 1}–${offset + count}` : "nothing"}</span>
      <span className="tools">
        <Button look="small" disabled={offset === 0} onClick={() => onMove(Math.max(0, offset - limit))}>
          Newer
        </Button>
        <Button look="small" disabled={!more} onClick={() => onMove(offset + limit)}>
          Older
        </Button>
      </span>
    </nav>
  );
}
