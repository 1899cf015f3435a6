import type { Place } from "../../router";
import { Card, Failure, PageHead } from "../../ui/parts";
import { JobTable } from "../jobs/JobTable";
import { useJobs } from "../jobs/useJobs";
import { useStrategyTypes } from "../jobs/useStart";
import { OneSweep } from "./OneSweep";
import { SweepForm } from "./SweepForm";

export default function SweepsPage({ place }: { place: Place }) {
  const id = place.path[1];
  return id ? <OneSweep key={id} id={id} /> : <Sweeps />;
}

function Sweeps() {
  const { jobs, failure, data, reload } = useJobs("sweeps");
  const types = useStrategyTypes();
  // Both at once, so that neither pushes the other down.
  if (!(data || failure) || !(types.data || types.failure)) return <PageHead title="Sweeps" />;
  return (
    <>
      <PageHead title="Sweeps" />
      <SweepForm types={types} onStarted={reload} />
      <Card title="Sweeps" bare>
        {!data && failure ? <Failure failure={failure} what="sweeps" /> : <JobTable path="sweeps" jobs={jobs} reload={reload} />}
      </Card>
    </>
  );
}
