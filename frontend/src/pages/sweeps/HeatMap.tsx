import { useState } from "react";
import type { HeatMap } from "../../api/types";
import { words } from "../../format/words";
import { SelectField } from "../../ui/Field";
import { figure } from "./figures";
import { strengths } from "./heat";

/** A figure over two parameters: a table whose cells are the greener the better, with the figure in each. */
export function HeatMapTable({ map, label, kind }: { map: HeatMap; label: string; kind: string }) {
  const [place, setPlace] = useState(0);
  const layer = map.layers[place];
  if (!layer) return null;
  const strength = strengths(layer.cells, map.lower_is_better);
  return (
    <div className="stack">
      {map.layers.length > 1 && (
        <SelectField label="Window" value={String(place)} options={map.layers.map((one, index) => [String(index), `Window ${one.window}`] as const)} onChange={(event) => setPlace(Number(event.target.value))} />
      )}
      <div className="scroll" role="region" tabIndex={0} aria-label={`Heat map of ${label}`}>
        <table className="heat">
          <caption className="muted small">
            {words(map.x.name)} across{map.y ? `, ${words(map.y.name).toLowerCase()} down` : ""}
          </caption>
          <thead>
            <tr>
              <td />
              {map.x.values.map((value) => (
                <th key={value} scope="col">
                  {value}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {layer.cells.map((row, index) => (
              <tr key={map.y?.values[index] ?? index}>
                <th scope="row">{map.y?.values[index] ?? label}</th>
                {row.map((value, column) => (
                  <Cell key={map.x.values[column] ?? column} kind={kind} value={value} strength={strength[index]?.[column] ?? null} trial={layer.trials[index]?.[column] ?? null} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Cell({ value, kind, strength, trial }: { value: string | null; kind: string; strength: number | null; trial: number | null }) {
  if (strength === null) return <td className="muted">–</td>;
  const color = strength >= 0.5 ? "var(--gain)" : "var(--loss)";
  // At most a third of colour, so that the figure stays easy to read in either theme.
  const share = Math.round(Math.abs(strength - 0.5) * 2 * 34);
  return (
    <td style={{ background: `color-mix(in srgb, ${color} ${share}%, var(--surface))` }} title={trial === null ? undefined : `trial ${trial}, exactly ${value}`}>
      {figure(value, kind)}
    </td>
  );
}
