import { useState } from "react";
import { client } from "../../api/client";
import { asFailure } from "../../api/failure";
import type { Job, StrategyType } from "../../api/types";
import { sentence } from "../../format/words";
import { useData, type Loaded } from "../../store/data";
import { useDashboard } from "../../store/live";
import { tell } from "../../ui/toasts";
import type { Scope } from "./ScopeFields";

export type StrategyTypes = Loaded<{ items: readonly StrategyType[] }>;

export function useStrategyTypes(): StrategyTypes {
  return useData("types", (signal) => client.get<{ items: readonly StrategyType[] }>("/api/strategy-types", {}, signal));
}

export interface Start {
  type: StrategyType | undefined;
  choose: (name: string) => void;
  typed: Readonly<Record<string, string>>;
  type_: (name: string, text: string) => void;
  scope: Scope;
  setScope: (scope: Scope) => void;
  wrong: string;
  isSending: boolean;
  send: (path: string, body: unknown) => Promise<void>;
}

/** What the forms of backtests and sweeps share. */
export function useStart(types: StrategyTypes, onStarted: () => void): Start {
  const running = useDashboard((dashboard) => dashboard.strategies);
  const [name, setName] = useState("");
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const [scope, setScope] = useState<Scope>(() => ({ symbols: [...new Set((running ?? []).flatMap((one) => one.symbols ?? []))].join(", "), start: "", end: "", capital: "", interval: "" }));
  const [wrong, setWrong] = useState("");
  const [isSending, setSending] = useState(false);
  const items = types.data?.items ?? [];
  const type = items.find((one) => one.name === (name || running?.[0]?.name)) ?? items[0];
  const choose = (chosen: string): void => {
    setName(chosen);
    setTyped({});
  };
  const send = async (path: string, body: unknown): Promise<void> => {
    setSending(true);
    setWrong("");
    try {
      const job = await client.post<Job>(path, body);
      tell(`${job.title} is ${job.state === "queued" ? "waiting" : "running"}`);
      onStarted();
    } catch (error) {
      const { message, hint } = asFailure(error);
      setWrong(hint ? `${sentence(message)} ${sentence(hint)}` : sentence(message));
    } finally {
      setSending(false);
    }
  };
  return { type, choose, typed, type_: (field, text) => setTyped({ ...typed, [field]: text }), scope, setScope, wrong, isSending, send };
}
