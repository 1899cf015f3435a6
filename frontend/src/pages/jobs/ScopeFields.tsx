import { SelectField, TextField } from "../../ui/Field";
import { symbolsIn } from "./parameters";

export interface Scope {
  symbols: string;
  start: string;
  end: string;
  capital: string;
  interval: string;
}

const INTERVALS: readonly (readonly [string, string])[] = [
  ["", "The strategy’s own"],
  ...["1m", "2m", "5m", "10m", "15m", "30m", "1h", "1d"].map((name) => [name, name] as const),
];

/** What a run is over: symbols, days, capital. */
export function ScopeFields({ scope, onChange }: { scope: Scope; onChange: (scope: Scope) => void }) {
  const set = (name: keyof Scope) => (event: { target: { value: string } }) => onChange({ ...scope, [name]: event.target.value });
  return (
    <>
      <TextField label="Symbols" required value={scope.symbols} maxLength={600} help="Separated by commas" onChange={set("symbols")} />
      <TextField label="From" type="date" value={scope.start} help="Empty for the first day there is" onChange={set("start")} />
      <TextField label="To" type="date" value={scope.end} help="Empty for the last day there is" onChange={set("end")} />
      <TextField label="Capital" inputMode="decimal" value={scope.capital} help="Empty as in the settings" onChange={set("capital")} />
      <SelectField label="Bars" value={scope.interval} options={INTERVALS} onChange={set("interval")} />
    </>
  );
}

/** What is sent of it; what was left empty is left out. */
export function scopeBody({ symbols, ...others }: Scope): Record<string, unknown> {
  const given = Object.entries(others).filter(([, value]) => value.trim() !== "");
  return { symbols: symbolsIn(symbols), ...Object.fromEntries(given.map(([name, value]) => [name, value.trim()])) };
}
