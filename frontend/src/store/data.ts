import { useCallback, useEffect, useRef, useState } from "react";
import { asFailure, type ApiFailure } from "../api/failure";
import { useWorld } from "./live";

export interface Loaded<T> {
  data: T | null;
  failure: ApiFailure | null;
  isLoading: boolean;
  reload: () => void;
}

/**
 * Read something of the server, and again whenever `key` changes, or the page has come back to a session.
 *
 * What was read before stays visible until the new answer is there, so that nothing jumps. `every` repeats it (milliseconds, 0 for
 * never), or says of what was read last how often; an answer that takes longer is waited for.
 */
export function useData<T>(key: string, read: (signal: AbortSignal) => Promise<T>, every: number | ((data: T | null) => number) = 0): Loaded<T> {
  const returns = useWorld((world) => `${world.instance} ${world.returns}`);
  const [state, setState] = useState<{ data: T | null; failure: ApiFailure | null; isLoading: boolean }>({ data: null, failure: null, isLoading: true });
  const [round, setRound] = useState(0);
  const latest = useRef(read);
  latest.current = read;
  const isReading = useRef(false);
  const pause = typeof every === "number" ? every : every(state.data);
  useEffect(() => {
    const abort = new AbortController();
    isReading.current = true;
    setState((before) => ({ ...before, isLoading: true }));
    latest.current(abort.signal).then(
      (data) => !abort.signal.aborted && ((isReading.current = false), setState({ data, failure: null, isLoading: false })),
      (error: unknown) => !abort.signal.aborted && ((isReading.current = false), setState((before) => ({ data: before.data, failure: asFailure(error), isLoading: false }))),
    );
    return () => abort.abort();
  }, [key, returns, round]);
  useEffect(() => {
    if (!pause) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && !isReading.current && setRound((before) => before + 1), pause);
    return () => clearInterval(timer);
  }, [pause]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, reload };
}

/** A value that follows its source at most so often, however busy that is, lest every message leads to a call. */
export function usePaced<T>(value: T, gap = 400): T {
  const [paced, setPaced] = useState(value);
  const newest = useRef(value);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  newest.current = value;
  useEffect(() => {
    if (Object.is(value, paced) || timer.current !== null) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      setPaced(newest.current);
    }, gap);
  }, [value, paced, gap]);
  useEffect(() => () => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = null;
  }, []);
  return paced;
}

/** A value once it has not changed for a while: what somebody types. */
export function useSettled<T>(value: T, delay: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), delay);
    return () => clearTimeout(timer);
  }, [value, delay]);
  return settled;
}
