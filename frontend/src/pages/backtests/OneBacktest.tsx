import { client } from "../../api/client";
import type { Backtest } from "../../api/types";
import { money } from "../../format/decimal";
import { plural, sentence, words } from "../../format/words";
import { useData } from "../../store/data";
import { useWorld } from "../../store/live";
import { Link } from "../../ui/Link";
import { Card, Empty, Facts, Failure, PageHead } from "../../ui/parts";
import { Time } from "../../ui/values";
import { Curves } from "../../ui/Curves";
import { isRunning, JobState } from "../jobs/JobTable";

const EVERY = 2000;

export function OneBacktest({ id }: { id: string }) {
  const state = useWorld((world) => world.jobs[id]?.state ?? "");
  const path = `/api/backtests/${encodeURIComponent(id)}`;
  const { data, failure } = useData(`${id} ${state}`, (signal) => client.get<Backtest>(path, {}, signal), (found) => (found && !isRunning(found) ? 0 : EVERY));
  const live = useWorld((world) => world.jobs[id]);
  const job = data && live && isRunning(data) ? { ...data, ...live } : data;
  return (
    <>
      <PageHead title={job?.title ?? "Backtest"} tools={<Link href="/backtests">All backtests</Link>}>
        {job && <JobState job={job} />}
      </PageHead>
      {!data && failure && <Card><Failure failure={failure} what="this backtest" /></Card>}
      {job?.error && <Card title="It did not come to its end"><Empty title={sentence(job.error.message)}>{job.error.hint && sentence(job.error.hint)}</Empty></Card>}
      {data && <Result job={data} />}
      {data?.has_tearsheet && (
        <Card title="Tear sheet" bare tools={<a href={`${path}/tearsheet?download=true`}>Download</a>}>
          {/* Its own program draws it, so it is kept apart from this page: no cookie, no calls. */}
          <iframe className="tearsheet" title={`Tear sheet of ${data.title}`} sandbox="allow-scripts" src={`${path}/tearsheet`} />
        </Card>
      )}
    </>
  );
}

function Result({ job }: { job: Backtest }) {
  const { result } = job;
  if (!result) return null;
  const curves = [
    { name: "Equity", points: result.equity },
    ...(result.benchmark?.length ? [{ name: `Holding ${result.benchmark_symbol}`, points: result.benchmark }] : []),
  ];
  return (
    <>
      <Card title="Figures">
        <Facts items={result.figures.map((figure) => [figure.label, figure.text] as const)} />
      </Card>
      <Card title="Equity" tools={<span className="muted small">{money(result.capital)} → {money(result.final_equity)}</span>}>
        <Curves curves={curves} label={`Equity from ${money(result.capital)} to ${money(result.final_equity)}`} />
      </Card>
      {result.problems.length > 0 && (
        <Card title={plural(result.problems.length + (result.more_problems ?? 0), "thing to know", "things to know")}>
          <ul className="timeline story" tabIndex={0} aria-label="Things to know">
            {result.problems.map((one, index) => (
              <li key={index} className="fair">
                <span className="muted small"><Time value={one.time} full /></span>
                <b>{words(one.kind)} {one.symbol}</b>
                <span className="muted">{sentence(one.message)}</span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}
