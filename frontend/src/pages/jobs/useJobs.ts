import { client } from "../../api/client";
import type { Job, Page } from "../../api/types";
import { useData, type Loaded } from "../../store/data";
import { useWorld } from "../../store/live";
import { isRunning } from "./JobTable";

const EVERY = 2000;

/** The jobs of a kind, kept current by the stream, and by asking while the stream has nothing. */
export function useJobs(path: "backtests" | "sweeps"): Loaded<Page<Job>> & { jobs: readonly Job[] } {
  const live = useWorld((world) => world.jobs);
  const ended = Object.values(live).filter((job) => !isRunning(job)).length;
  const loaded = useData(`${path} ${ended}`, (signal) => client.get<Page<Job>>(`/api/${path}`, {}, signal), EVERY);
  const jobs = (loaded.data?.items ?? []).map((job) => merged(job, live[job.id]));
  return { ...loaded, jobs };
}

/** The newer of two: progress only ever rises, and what has ended stays ended. */
function merged(job: Job, told: Job | undefined): Job {
  if (!told || !isRunning(job) || told.progress < job.progress) return job;
  return { ...job, state: told.state, progress: told.progress, message: told.message };
}
