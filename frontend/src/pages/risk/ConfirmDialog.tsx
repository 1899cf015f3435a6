import { useState } from "react";
import type { ApiFailure } from "../../api/failure";
import { sentence } from "../../format/words";
import { attempt } from "../../store/act";
import { operator, setOperator } from "../../store/preferences";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Field";

export interface Deed {
  path: string;
  title: string;
  /** What has to be typed. */
  phrase: string;
  text: string;
  isDangerous?: boolean;
  /** The server takes no confirmation for it, so only the page asks. */
  isConfirmedHere?: boolean;
}

/** Case and blanks do not matter. */
export function isSame(typed: string, phrase: string): boolean {
  return typed.trim().toLowerCase().split(/\s+/).join(" ") === phrase;
}

/** A phrase to type, a reason and a name, before something happens that must not happen by mistake. */
export function ConfirmDialog({ deed, onClose }: { deed: Deed; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const [name, setName] = useState(operator());
  const [isSending, setSending] = useState(false);
  const [refusal, setRefusal] = useState<ApiFailure | null>(null);
  const isReady = isSame(typed, deed.phrase) && reason.trim() !== "" && name.trim() !== "" && !isSending;
  const send = async (): Promise<void> => {
    setSending(true);
    setOperator(name);
    const failure = await attempt(deed.path, { reason: reason.trim(), operator: name.trim(), ...(!deed.isConfirmedHere && { confirm: typed }) });
    setSending(false);
    if (failure) setRefusal(failure);
    else onClose();
  };
  return (
    <Dialog title={deed.title} submit={deed.title} look={deed.isDangerous ? "stop" : "primary"} disabled={!isReady} onSubmit={() => void send()} onClose={onClose}>
      <p className="muted">{deed.text}</p>
      <TextField label={`Type “${deed.phrase}”`} autoFocus value={typed} onChange={(event) => setTyped(event.target.value)} />
      <TextField label="Reason" maxLength={500} value={reason} help="Goes on record." onChange={(event) => setReason(event.target.value)} />
      <TextField label="Your name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      {refusal && <p className="loss" role="alert">{`${sentence(refusal.message)} ${sentence(refusal.hint)}`.trim()}</p>}
    </Dialog>
  );
}
