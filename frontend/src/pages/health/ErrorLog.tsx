import { useState } from "react";
import { client } from "../../api/client";
import type { Mishap, Page } from "../../api/types";
import { sentence, words } from "../../format/words";
import { useData, useSettled } from "../../store/data";
import { SelectField, TextField } from "../../ui/Field";
import { Link, orderLink } from "../../ui/Link";
import { Badge, Card, Empty, Failure } from "../../ui/parts";
import { CsvButton, Table, type Column } from "../../ui/Table";
import { Time } from "../../ui/values";

const COLUMNS: readonly Column<Mishap>[] = [
  { title: "Time", csv: (row) => row.time, show: (row) => <Time value={row.time} full /> },
  { title: "Level", csv: (row) => row.level, show: (row) => <Badge tone={row.level === "warning" ? "fair" : row.level === "info" ? "" : "bad"}>{words(row.level)}</Badge> },
  { title: "Kind", csv: (row) => row.kind, show: (row) => words(row.kind) },
  { title: "Subject", csv: (row) => row.subject, show: (row) => row.subject || <span className="muted">–</span> },
  { title: "Message", wraps: true, csv: (row) => row.message, show: (row) => sentence(row.message) },
  { title: "Order", csv: (row) => row.order_id, show: (row) => (row.order_id ? <Link href={orderLink(row.order_id)} className="mono">{row.order_id}</Link> : <span className="muted">–</span>) },
];

const LEVELS: readonly (readonly [string, string])[] = [
  ["warning", "Warnings and worse"],
  ["error", "Errors and worse"],
  ["critical", "Critical only"],
];
const EVERY = 5000;
const LIMIT = 200;

/** What went wrong since the session started. */
export function ErrorLog() {
  const [level, setLevel] = useState("warning");
  const [text, setText] = useState("");
  const wanted = useSettled(text, 250);
  const { data, failure } = useData(`${level} ${wanted}`, (signal) => client.get<Page<Mishap>>("/api/errors", { level, text: wanted, limit: LIMIT }, signal), EVERY);
  const rows = data?.items ?? [];
  return (
    <Card
      bare
      title={
        <span className="filters">
          <h2>Error log</h2>
          <SelectField label="Level" value={level} options={LEVELS} onChange={(event) => setLevel(event.target.value)} />
          <TextField label="Contains" type="search" maxLength={100} value={text} onChange={(event) => setText(event.target.value)} />
        </span>
      }
      tools={rows.length > 0 && <CsvButton name="errors" columns={COLUMNS} read={() => rows} />}
    >
      {rows.length > 0 && <Table label="Error log" columns={COLUMNS} rows={rows} keyOf={(row) => row.id} />}
      {rows.length === 0 && failure && <Failure failure={failure} what="an error log" />}
      {rows.length === 0 && !failure && <Empty title={data ? "Nothing went wrong" : "\u00a0"}>{data && "At least nothing that fits the filter."}</Empty>}
    </Card>
  );
}
