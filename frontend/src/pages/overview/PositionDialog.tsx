import { useState } from "react";
import type { ApiFailure } from "../../api/failure";
import type { Position } from "../../api/types";
import { sentence } from "../../format/words";
import { attempt } from "../../store/act";
import { Dialog } from "../../ui/Dialog";
import { SelectField, TextField } from "../../ui/Field";
import { bodyOf, deedsFor, faultOf, figureOf, outcomeOf, summaryOf, TITLES, type Deed } from "./deeds";

interface Props {
  position: Position;
  onClose: () => void;
}

const MODES = [
  ["protect", "Protect: only keep a stop on it"],
  ["manage", "Manage: treat it as our own"],
] as const;

/** Closes, reduces, re-stops, adopts or releases one position; asks why, and says beside the field why not. */
export function PositionDialog({ position, onClose }: Props) {
  const deeds = deedsFor(position);
  const [chosen, setChosen] = useState<Deed | undefined>(deeds[0]);
  const [figure, setFigure] = useState("");
  const [reason, setReason] = useState("");
  const [mode, setMode] = useState("protect");
  const [isSending, setSending] = useState(false);
  const [refusal, setRefusal] = useState<ApiFailure | null>(null);
  const deed = chosen && deeds.includes(chosen) ? chosen : (deeds[0] ?? "close");
  const asked = figureOf(deed, position);
  const wrong = faultOf(deed, position, figure) || (refusal ? `${sentence(refusal.message)} ${sentence(refusal.hint)}`.trim() : "");
  const isReady = Boolean(reason.trim()) && (!asked || Boolean(figure.trim())) && !faultOf(deed, position, figure);
  const send = async (): Promise<void> => {
    setSending(true);
    const failure = await attempt(`/api/${deed}`, { ...bodyOf(deed, position, figure, mode), reason: reason.trim() });
    setSending(false);
    if (failure) setRefusal(failure);
    else onClose();
  };
  const changed = (set: (value: string) => void) => (event: { target: { value: string } }) => {
    setRefusal(null);
    set(event.target.value);
  };
  const choose = changed((value) => (setChosen(value as Deed), setFigure("")));
  return (
    <Dialog title={`Manage ${position.symbol}`} submit={TITLES[deed]} look={deed === "close" ? "stop" : "primary"} disabled={!isReady || isSending} onSubmit={() => void send()} onClose={onClose}>
      <p className="muted">{summaryOf(position)}</p>
      <SelectField
        label="What to do"
        value={deed}
        options={deeds.map((name) => [name, TITLES[name]])}
        help={outcomeOf(deed, position)}
        wrong={asked ? undefined : wrong}
        onChange={choose}
      />
      {asked && <TextField {...asked} inputMode="decimal" required maxLength={30} value={figure} wrong={wrong} onChange={changed(setFigure)} />}
      {deed === "adopt" && <SelectField label="How" value={mode} options={MODES} onChange={changed(setMode)} />}
      <TextField label="Reason" autoFocus required maxLength={500} value={reason} help="Goes on record with your name." onChange={changed(setReason)} />
    </Dialog>
  );
}
