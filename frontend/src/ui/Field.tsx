import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes } from "react";

interface Around {
  label: string;
  help?: ReactNode;
  wrong?: string | undefined;
}

type InputProps = Around & InputHTMLAttributes<HTMLInputElement>;

export function TextField({ label, help, wrong, ...more }: InputProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} help={help} wrong={wrong}>
      <input id={id} className="input" autoComplete="off" aria-invalid={wrong ? true : undefined} aria-describedby={`${id}-help`} {...more} />
    </Frame>
  );
}

type SelectProps = Around & SelectHTMLAttributes<HTMLSelectElement> & { options: readonly (readonly [string, string])[] };

export function SelectField({ label, help, wrong, options, ...more }: SelectProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} help={help} wrong={wrong}>
      <select id={id} className="input" aria-invalid={wrong ? true : undefined} aria-describedby={`${id}-help`} {...more}>
        {options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Frame>
  );
}

function Frame({ id, label, help, wrong, children }: Around & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      <span id={`${id}-help`} className={wrong ? "wrong" : "help"} role={wrong ? "alert" : undefined}>
        {wrong || help}
      </span>
    </div>
  );
}
