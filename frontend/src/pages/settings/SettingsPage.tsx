import { useState } from "react";
import { client } from "../../api/client";
import { asFailure } from "../../api/failure";
import type { Applied, Setting } from "../../api/types";
import { plural, sentence, words } from "../../format/words";
import { useData } from "../../store/data";
import { operator } from "../../store/preferences";
import { TextField } from "../../ui/Field";
import { Badge, Button, Card, Empty, Failure, PageHead } from "../../ui/parts";
import { tell } from "../../ui/toasts";
import { CsvButton, type Column } from "../../ui/Table";
import { fieldsNamed, sectionsOf, textOf, valueOf } from "./drafts";
import { Row } from "./Row";

/** What was typed, as it was typed. */
type Drafts = Readonly<Record<string, string>>;

const COLUMNS: readonly Column<Setting>[] = (["key", "value", "default", "source", "minimum", "maximum", "unit", "effect", "editable"] as const).map((name) => ({
  title: name,
  csv: (row) => (name === "value" || name === "default" ? textOf(row[name]) : (row[name] as string | boolean | null | undefined)),
  show: () => null,
}));

export default function SettingsPage() {
  const { data, failure, reload } = useData("", (signal) => client.get<{ items: readonly Setting[] }>("/api/settings", {}, signal));
  const [drafts, setDrafts] = useState<Drafts>({});
  const [wrong, setWrong] = useState<Readonly<Record<string, string>>>({});
  const [onlyEditable, setOnlyEditable] = useState(true);
  const items = data?.items ?? [];
  const change = (setting: Setting, text: string): void => {
    const { [setting.key]: _old, ...others } = drafts;
    setDrafts(text === textOf(setting.value) ? others : { ...others, [setting.key]: text });
    setWrong(({ [setting.key]: _gone, ...rest }) => rest);
  };
  const forget = (): void => {
    setDrafts({});
    setWrong({});
  };
  const save = async (reason: string): Promise<void> => {
    const changes = Object.fromEntries(items.filter(({ key }) => key in drafts).map((one) => [one.key, valueOf(one, drafts[one.key] ?? "")]));
    try {
      const { applied } = await client.put<Applied>("/api/settings", { changes, reason, operator: operator() });
      tell(applied.length ? applied.map((one) => `${one.key}: ${textOf(one.old)} → ${textOf(one.new)}, ${words(one.effect).toLowerCase()}`).join("; ") : "nothing had to be changed");
      forget();
      reload();
    } catch (error) {
      const { message, hint } = asFailure(error);
      const said = `${sentence(message)}${hint ? ` ${sentence(hint)}` : ""}`;
      setWrong(Object.fromEntries(fieldsNamed(message, Object.keys(drafts)).map((key) => [key, said])));
    }
  };
  return (
    <>
      <PageHead
        title="Settings"
        tools={
          <>
            <label className="check">
              <input type="checkbox" checked={onlyEditable} onChange={(event) => setOnlyEditable(event.target.checked)} /> Only what can be changed now
            </label>
            <CsvButton name="settings" columns={COLUMNS} read={() => items} />
          </>
        }
      />
      {!data && failure && (
        <Card>
          <Failure failure={failure} what="its settings" />
        </Card>
      )}
      {sectionsOf(items.filter((one) => one.editable || !onlyEditable)).map(([section, settings]) => (
        <Card key={section} title={words(section)} bare>
          <div className="settings">
            {settings.map((one) => (
              <Row key={one.key} setting={one} draft={drafts[one.key]} wrong={wrong[one.key]} onChange={(text) => change(one, text)} />
            ))}
          </div>
        </Card>
      ))}
      {data && items.length === 0 && <Empty title="There are no settings" />}
      {Object.keys(drafts).length > 0 && <SaveBar count={Object.keys(drafts).length} onSave={save} onForget={forget} />}
    </>
  );
}

function SaveBar({ count, onSave, onForget }: { count: number; onSave: (reason: string) => Promise<void>; onForget: () => void }) {
  const [reason, setReason] = useState("");
  return (
    <form className="save-bar card" onSubmit={(event) => (event.preventDefault(), void onSave(reason.trim()))}>
      <Badge tone="info">{plural(count, "change")}</Badge>
      <TextField label="Reason" maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
      <Button onClick={onForget}>Undo</Button>
      <button type="submit" className="button primary" disabled={!reason.trim()}>
        Save
      </button>
    </form>
  );
}
