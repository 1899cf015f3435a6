import type { Setting } from "../../api/types";
import { sentence, words } from "../../format/words";
import { SelectField, TextField } from "../../ui/Field";
import { Badge } from "../../ui/parts";
import { boundsOf, textOf } from "./drafts";

interface Props {
  setting: Setting;
  draft: string | undefined;
  wrong: string | undefined;
  onChange: (text: string) => void;
}

export function Row({ setting, draft, wrong, onChange }: Props) {
  return (
    <div className={`setting ${draft === undefined ? "" : "changed"}`}>
      <div>
        <h3>{words(setting.title)}</h3>
        <p className="muted small">{sentence(setting.help)}</p>
        <p className="small">
          <code>{setting.key}</code>
        </p>
      </div>
      <Badge tone={setting.source === "default" ? "" : "info"} title="Where the value comes from">
        {setting.source}
      </Badge>
      <Control setting={setting} draft={draft} wrong={wrong} onChange={onChange} />
    </div>
  );
}

function Control({ setting, draft, wrong, onChange }: Props) {
  const { kind, choices, editable, secret, title } = setting;
  const value = draft ?? textOf(setting.value);
  const shared = { label: words(title), disabled: !editable, wrong, help: boundsOf(setting) };
  if (!editable) return <Fixed setting={setting} />;
  if (kind === "boolean") {
    const options = [["true", "On"], ["false", "Off"]] as const;
    return <SelectField {...shared} value={value} options={options} onChange={(event) => onChange(event.target.value)} />;
  }
  if (choices?.length) {
    return <SelectField {...shared} value={value} options={choices.map((one) => [one, one] as const)} onChange={(event) => onChange(event.target.value)} />;
  }
  return (
    <TextField
      {...shared}
      value={value}
      type={secret ? "password" : "text"}
      inputMode={kind === "number" ? "decimal" : kind === "integer" ? "numeric" : "text"}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

function Fixed({ setting }: { setting: Setting }) {
  return (
    <div className="field">
      <span className="fixed">{textOf(setting.value) || "–"}</span>
      <span className="help">{boundsOf(setting)}</span>
    </div>
  );
}
