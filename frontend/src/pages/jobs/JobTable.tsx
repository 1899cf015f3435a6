import { useState, type ReactNode } from "react";
import { client } from "../../api/client";
import type { Job } from "../../api/types";
import { words } from "../../format/words";
import { Link } from "../../ui/Link";
import { Badge, Button, Empty, Meter, type Tone } from "../../ui/parts";
import { CsvButton, Table, type Column } from "../../ui/Table";
import { complain, tell } from "../../ui/toasts";
import { Time } from "../../ui/values";

const TONES: Readonly<Record<string, Tone>> = { queued: "", running: "info", done: "good", failed: "bad", cancelled: "fair" };

export const isRunning = (job: Job): boolean => job.state === "queued" || job.state === "running";

interface Props {
  path: "backtests" | "sweeps";
  jobs: readonly Job[];
  reload: () => void;
  /** A column before the others, such as one to choose with. */
  first?: Column<Job>;
}

export function JobTable({ path, jobs, reload, first }: Props) {
  const columns: readonly Column<Job>[] = [
    ...(first ? [first] : []),
    { title: "What", csv: (row) => row.title, show: (row) => <Link href={`/${path}/${row.id}`} className="strong">{row.title}</Link> },
    { title: "State", csv: (row) => row.state, show: (row) => <JobState job={row} /> },
    ...figureColumns(jobs),
    { title: "Asked for", csv: (row) => row.created_at, show: (row) => <Time value={row.created_at} full /> },
    { title: "Bars", csv: (row) => row.market?.name, show: (row) => <span className="muted">{row.market?.name ?? "–"}</span> },
    { title: "Action", show: (row) => <Remove path={path} job={row} reload={reload} /> },
  ];
  if (jobs.length === 0) return <Empty title="Nothing has been run yet">What is started above appears here.</Empty>;
  return (
    <>
      <Table label={words(path)} columns={columns} rows={jobs} keyOf={(row) => row.id} />
      <div className="table-foot">
        <span>{jobs.length} shown</span>
        <CsvButton name={path} columns={columns} read={() => jobs} />
      </div>
    </>
  );
}

/** The most wanted figures, a column each. */
function figureColumns(jobs: readonly Job[]): readonly Column<Job>[] {
  const labels = new Map(jobs.flatMap((job) => job.figures ?? []).map((figure) => [figure.name, figure.label]));
  return [...labels].slice(0, 6).map(([name, title]) => {
    const find = (job: Job) => job.figures?.find((figure) => figure.name === name);
    return { title, number: true, csv: (row) => find(row)?.value, show: (row) => find(row)?.text ?? <span className="muted">–</span> };
  });
}

export function JobState({ job }: { job: Job }): ReactNode {
  if (!isRunning(job)) {
    return (
      <Badge tone={TONES[job.state] ?? ""} title={job.error?.message ?? ""}>
        {words(job.state)}
      </Badge>
    );
  }
  return (
    <span className="job-progress">
      <Meter percent={job.progress * 100} label={`${job.title}: ${Math.round(job.progress * 100)}% done`} />
      <span className="small muted">{job.state === "queued" ? "waiting" : `${Math.round(job.progress * 100)}% ${job.message}`}</span>
    </span>
  );
}

function Remove({ path, job, reload }: { path: string; job: Job; reload: () => void }) {
  const [isAsked, setAsked] = useState(false);
  const word = isRunning(job) ? "Cancel" : isAsked ? "Really remove" : "Remove";
  const remove = (): void => {
    if (!isRunning(job) && !isAsked) return setAsked(true);
    const only = isRunning(job) ? "?only=running" : "";
    client.delete(`/api/${path}/${encodeURIComponent(job.id)}${only}`).then(() => {
      tell(isRunning(job) ? "it was cancelled" : "it was removed");
      reload();
    }, (error: unknown) => (complain(error), reload()));
  };
  return (
    <Button look={`small ${isAsked ? "danger" : ""}`} aria-label={`${word} ${job.title}`} onClick={remove} onBlur={() => setAsked(false)}>
      {word}
    </Button>
  );
}
