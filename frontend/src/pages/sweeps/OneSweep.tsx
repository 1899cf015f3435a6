import { client } from "../../api/client";
import type { Sweep, SweepResult, SweepRow } from "../../api/types";
import { sentence, words } from "../../format/words";
import { useData } from "../../store/data";
import { useWorld } from "../../store/live";
import { Link } from "../../ui/Link";
import { Card, Empty, Failure, PageHead } from "../../ui/parts";
import { CsvButton, Table, type Column } from "../../ui/Table";
import { isRunning, JobState } from "../jobs/JobTable";
import { figure, kindOf } from "./figures";
import { HeatMapTable } from "./HeatMap";
import { Steps } from "./Steps";

const EVERY = 2000;

export function OneSweep({ id }: { id: string }) {
  const live = useWorld((world) => world.jobs[id]);
  const state = live?.state ?? "";
  const { data, failure } = useData(`${id} ${state}`, (signal) => client.get<Sweep>(`/api/sweeps/${encodeURIComponent(id)}`, {}, signal), (found) => (found && !isRunning(found) ? 0 : EVERY));
  const job = data && live && isRunning(data) ? { ...data, ...live } : data;
  return (
    <>
      <PageHead title={job?.title ?? "Sweep"} tools={<Link href="/sweeps">All sweeps</Link>}>
        {job && <JobState job={job} />}
      </PageHead>
      {!data && failure && <Card><Failure failure={failure} what="this sweep" /></Card>}
      {job?.error && <Card title="It did not come to its end"><Empty title={sentence(job.error.message)}>{job.error.hint && sentence(job.error.hint)}</Empty></Card>}
      {data?.result && <Result result={data.result} />}
    </>
  );
}

function Result({ result }: { result: SweepResult }) {
  const columns = columnsOf(result);
  return (
    <>
      {result.warning.length > 0 && <div className="notice fair"><span>{result.warning.map(sentence).join(" ")}</span></div>}
      <Card title={`${result.metric_label} by parameters`} tools={<span className="muted small">{result.summary}</span>}>
        {result.heatmap ? <HeatMapTable map={result.heatmap} label={result.metric_label} kind={kindOf(result)} /> : <Empty title="No heat map">Not one parameter had several values.</Empty>}
      </Card>
      <Steps result={result} />
      <Card title="Runs, best first" bare tools={<CsvButton name="sweep" columns={columns} read={() => result.rows} />}>
        <Table label="Runs of the sweep" columns={columns} rows={result.rows} keyOf={(row) => `${row.window} ${row.sample} ${row.trial}`} />
      </Card>
    </>
  );
}

function columnsOf({ rows, columns }: SweepResult): readonly Column<SweepRow>[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.parameters)))];
  const samples = new Set(rows.map((row) => row.sample));
  return [
    { title: "Trial", number: true, csv: (row) => row.trial, show: (row) => row.trial },
    ...(samples.size > 1 ? [{ title: "Sample", csv: (row: SweepRow) => row.sample, show: (row: SweepRow) => `${words(row.sample)} ${row.window}` }] : []),
    ...names.map((name): Column<SweepRow> => ({ title: words(name), number: true, csv: (row) => row.parameters[name], show: (row) => row.parameters[name] ?? "–" })),
    ...columns.map((column, index): Column<SweepRow> => ({
      title: column.label,
      number: true,
      csv: (row) => row.values[index],
      show: (row) => (row.status === "failed" && index === 0 ? <span className="loss" title={row.error}>failed</span> : figure(row.values[index], column.kind)),
    })),
  ];
}
