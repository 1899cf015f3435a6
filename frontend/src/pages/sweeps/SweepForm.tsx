import { useState } from "react";
import { sentence, words } from "../../format/words";
import { SelectField, TextField } from "../../ui/Field";
import { Card, Empty, Failure } from "../../ui/parts";
import { boundsText, symbolsIn } from "../jobs/parameters";
import { scopeBody, ScopeFields } from "../jobs/ScopeFields";
import { useStart, type StrategyTypes } from "../jobs/useStart";

const SEARCHES = [
  ["grid", "All combinations"],
  ["random", "Some by chance"],
  ["optuna", "Some by Optuna"],
] as const;

const WALKS = [
  ["", "One period for all"],
  ["rolling", "Walk-forward, rolling"],
  ["anchored", "Walk-forward, anchored"],
] as const;

/** Values to try for each parameter; those left empty keep their defaults. */
export function SweepForm({ types, onStarted }: { types: StrategyTypes; onStarted: () => void }) {
  const { type, choose, typed, type_, scope, setScope, wrong, isSending, send } = useStart(types, onStarted);
  const [metric, setMetric] = useState("sharpe");
  const [search, setSearch] = useState("grid");
  const [trials, setTrials] = useState("");
  const [walk, setWalk] = useState({ kind: "", train: "60d", test: "20d" });
  if (types.failure && !types.data) {
    return (
      <Card title="New sweep">
        <Failure failure={types.failure} what="its strategies and their parameters" />
      </Card>
    );
  }
  if (!type) return <Card title="New sweep"><Empty title={"\u00a0"} /></Card>;
  const grid = Object.fromEntries(Object.entries(typed).filter(([, values]) => values.trim() !== ""));
  const body = { strategy: type.name, grid, metric, search, ...(search !== "grid" && trials && { trials: Number(trials) }), ...(walk.kind && { walk_forward: walk }), ...scopeBody(scope) };
  return (
    <Card title="New sweep">
      <form className="stack" onSubmit={(event) => (event.preventDefault(), void send("/api/sweeps", body))}>
        <div className="form-grid">
          <SelectField
            label="Strategy"
            value={type.name}
            help={sentence(type.description)}
            options={(types.data?.items ?? []).map((one) => [one.name, one.title] as const)}
            onChange={(event) => choose(event.target.value)}
          />
          <ScopeFields scope={scope} onChange={setScope} />
          <TextField label="Ranked by" value={metric} maxLength={60} onChange={(event) => setMetric(event.target.value)} />
          <SelectField label="Search" value={search} options={SEARCHES} onChange={(event) => setSearch(event.target.value)} />
          {search !== "grid" && <TextField label="Trials" inputMode="numeric" value={trials} help="100 where empty" onChange={(event) => setTrials(event.target.value)} />}
          <SelectField label="Periods" value={walk.kind} options={WALKS} onChange={(event) => setWalk({ ...walk, kind: event.target.value })} />
          {walk.kind && (
            <>
              <TextField label="Train on" value={walk.train} maxLength={20} help="Days (60d) or sessions (40sessions)" onChange={(event) => setWalk({ ...walk, train: event.target.value })} />
              <TextField label="Then test on" value={walk.test} maxLength={20} help="In the same unit" onChange={(event) => setWalk({ ...walk, test: event.target.value })} />
            </>
          )}
        </div>
        <p className="legend">Values to try, as 5:50:5 for a range or 10, 20, 50 for a list. Empty keeps the default.</p>
        <div className="form-grid">
          {type.parameters.map((one) => (
            <TextField
              key={`${type.name} ${one.name}`}
              label={words(one.name)}
              placeholder={String(one.default ?? "")}
              help={boundsText(one)}
              maxLength={200}
              value={typed[one.name] ?? ""}
              onChange={(event) => type_(one.name, event.target.value)}
            />
          ))}
        </div>
        <div className="tools">
          <button type="submit" className="button primary" disabled={isSending || Object.keys(grid).length === 0 || symbolsIn(scope.symbols).length === 0}>
            Start the sweep
          </button>
          {wrong && <span className="loss" role="alert">{wrong}</span>}
        </div>
      </form>
    </Card>
  );
}
