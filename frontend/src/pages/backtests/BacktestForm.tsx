import type { Parameter } from "../../api/types";
import { sentence, words } from "../../format/words";
import { SelectField, TextField } from "../../ui/Field";
import { Card, Empty, Failure } from "../../ui/parts";
import { boundsText, chosenParameters, symbolsIn } from "../jobs/parameters";
import { scopeBody, ScopeFields } from "../jobs/ScopeFields";
import { useStart, type StrategyTypes } from "../jobs/useStart";

/** A form made of the strategy's own parameters and bounds. */
export function BacktestForm({ types, onStarted }: { types: StrategyTypes; onStarted: () => void }) {
  const { type, choose, typed, type_, scope, setScope, wrong, isSending, send } = useStart(types, onStarted);
  if (types.failure && !types.data) {
    return (
      <Card title="New backtest">
        <Failure failure={types.failure} what="its strategies and their parameters" />
      </Card>
    );
  }
  if (!type) return <Card title="New backtest"><Empty title={"\u00a0"} /></Card>;
  const body = { strategy: type.name, parameters: chosenParameters(type.parameters, typed), ...scopeBody(scope) };
  return (
    <Card title="New backtest">
      <form className="stack" onSubmit={(event) => (event.preventDefault(), void send("/api/backtests", body))}>
        <div className="form-grid">
          <SelectField
            label="Strategy"
            value={type.name}
            help={sentence(type.description)}
            options={(types.data?.items ?? []).map((one) => [one.name, one.title] as const)}
            onChange={(event) => choose(event.target.value)}
          />
          <ScopeFields scope={scope} onChange={setScope} />
        </div>
        {type.parameters.length > 0 && (
          <details>
            <summary>Parameters of {type.title}</summary>
            <div className="form-grid">
              {type.parameters.map((one) => (
                <ParameterField key={`${type.name} ${one.name}`} parameter={one} value={typed[one.name] ?? String(one.default ?? "")} onChange={(text) => type_(one.name, text)} />
              ))}
            </div>
          </details>
        )}
        <div className="tools">
          <button type="submit" className="button primary" disabled={isSending || symbolsIn(scope.symbols).length === 0}>
            Start the backtest
          </button>
          {wrong && <span className="loss" role="alert">{wrong}</span>}
        </div>
      </form>
    </Card>
  );
}

function ParameterField({ parameter, value, onChange }: { parameter: Parameter; value: string; onChange: (text: string) => void }) {
  const shared = { label: words(parameter.name), help: boundsText(parameter), value };
  const choices = parameter.kind === "boolean" ? ["true", "false"] : (parameter.choices ?? []);
  if (choices.length > 0) {
    return <SelectField {...shared} options={choices.map((one) => [String(one), words(String(one))] as const)} onChange={(event) => onChange(event.target.value)} />;
  }
  return <TextField {...shared} maxLength={200} inputMode={parameter.kind === "text" ? "text" : "decimal"} onChange={(event) => onChange(event.target.value)} />;
}
