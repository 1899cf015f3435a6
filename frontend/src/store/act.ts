import { client } from "../api/client";
import { asFailure, type ApiFailure } from "../api/failure";
import type { Accepted } from "../api/types";
import { complain, tell } from "../ui/toasts";
import { feed } from "./live";
import { operator } from "./preferences";

/** Milliseconds after which what an action changed is looked for: the session needs about 50 to carry it out. */
const LOOKS = [70, 300];

/** Ask the session to do something. Tells the answer and gives nothing, or gives why not, for who can say it better. */
export async function attempt(path: string, body: Readonly<Record<string, unknown>>, done = "done"): Promise<ApiFailure | null> {
  try {
    const answer = await client.post<Accepted | null>(path, { operator: operator(), ...body });
    tell(answer?.message ?? done);
    for (const delay of LOOKS) setTimeout(() => void feed.refresh(), delay);
    return null;
  } catch (error) {
    return asFailure(error);
  }
}

/** Ask the session to do something; the answer, or why not, is shown. True when it was taken. */
export async function act(path: string, body: Readonly<Record<string, unknown>>, done = "done"): Promise<boolean> {
  const failure = await attempt(path, body, done);
  if (failure) complain(failure);
  return !failure;
}

/** Stops new entries at once, without a question: what is held keeps its stops, and resuming is as easy. */
export const halt = (): Promise<boolean> => act("/api/halt", { reason: "halted on the page" });
