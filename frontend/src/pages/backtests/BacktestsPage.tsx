import { useState } from "react";
import type { Job } from "../../api/types";
import { go, type Place } from "../../router";
import { Button, Card, Failure, PageHead } from "../../ui/parts";
import type { Column } from "../../ui/Table";
import { JobTable } from "../jobs/JobTable";
import { useJobs } from "../jobs/useJobs";
import { useStrategyTypes } from "../jobs/useStart";
import { BacktestForm } from "./BacktestForm";
import { Compare } from "./Compare";
import { OneBacktest } from "./OneBacktest";

export default function BacktestsPage({ place }: { place: Place }) {
  const id = place.path[1];
  if (id === "compare") return <Compare ids={place.query.get("ids") ?? ""} />;
  return id ? <OneBacktest key={id} id={id} /> : <Backtests />;
}

const MOST = 6;

function Backtests() {
  const { jobs, failure, data, reload } = useJobs("backtests");
  const types = useStrategyTypes();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const toggle = (id: string): void => setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(-MOST));
  const choice: Column<Job> = {
    title: "Compare",
    show: (job) => (
      <input type="checkbox" aria-label={`Compare ${job.title}`} disabled={job.state !== "done"} checked={chosen.includes(job.id)} onChange={() => toggle(job.id)} />
    ),
  };
  // Both at once, so that neither pushes the other down.
  if (!(data || failure) || !(types.data || types.failure)) return <PageHead title="Backtests" />;
  return (
    <>
      <PageHead title="Backtests" />
      <BacktestForm types={types} onStarted={reload} />
      <Card
        title="Runs"
        bare
        tools={
          <Button look="small" disabled={chosen.length < 2} onClick={() => go(`/backtests/compare?ids=${chosen.map(encodeURIComponent).join(",")}`)}>
            Compare {chosen.length > 1 ? chosen.length : "two or more"}
          </Button>
        }
      >
        {!data && failure ? <Failure failure={failure} what="backtests" /> : <JobTable path="backtests" jobs={jobs} reload={reload} first={choice} />}
      </Card>
    </>
  );
}
