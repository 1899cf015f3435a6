import { useState } from "react";
import { client } from "../../api/client";
import { asFailure, type ApiFailure } from "../../api/failure";
import type { Note, Page, Trip } from "../../api/types";
import { sentence } from "../../format/words";
import { useData } from "../../store/data";
import { Dialog } from "../../ui/Dialog";
import { Button, Empty, Failure } from "../../ui/parts";
import { tell } from "../../ui/toasts";
import { Time } from "../../ui/values";

/** What people wrote about a round trip; to be added to, changed and removed. */
export function Notes({ trip, onClose }: { trip: Trip; onClose: () => void }) {
  const path = `/api/round-trips/${encodeURIComponent(trip.trade_id)}/notes`;
  const { data, failure, reload } = useData(path, (signal) => client.get<Page<Note>>(path, {}, signal));
  const [text, setText] = useState("");
  const [edited, setEdited] = useState<Note | null>(null);
  const [draft, setDraft] = useState("");
  const [isSending, setSending] = useState(false);
  const [refusal, setRefusal] = useState<ApiFailure | null>(null);
  const attempt = async (promise: Promise<unknown>, said: string): Promise<boolean> => {
    setSending(true);
    setRefusal(null);
    try {
      await promise;
      tell(said);
      reload();
      return true;
    } catch (error) {
      setRefusal(asFailure(error));
      return false;
    } finally {
      setSending(false);
    }
  };
  const send = async (): Promise<void> => {
    const body = { note: text.trim() };
    const sent = edited ? attempt(client.put(`/api/notes/${edited.id}`, body), "The note was changed") : attempt(client.post(path, body), "The note was added");
    if (!(await sent)) return;
    setText(edited ? draft : "");
    setEdited(null);
  };
  const edit = (note: Note): void => {
    // What was begun before comes back afterwards.
    if (!edited) setDraft(text);
    setEdited(note);
    setText(note.note);
  };
  const leave = (): void => {
    setEdited(null);
    setText(draft);
  };
  const remove = async (note: Note): Promise<void> => {
    if ((await attempt(client.delete(`/api/notes/${note.id}`), "The note was removed")) && edited?.id === note.id) leave();
  };
  return (
    <Dialog title={`Notes on ${trip.symbol}, ${trip.trade_id}`} submit={edited ? "Save the change" : "Add the note"} disabled={!text.trim() || isSending} onSubmit={() => void send()} onClose={onClose}>
      {failure && <Failure failure={failure} what="notes" />}
      {data?.items.length === 0 && <Empty title="No notes yet" />}
      <ul className="notes">
        {data?.items.map((note) => (
          <li key={note.id}>
            <p>{note.note}</p>
            <span className="muted small">
              <Time value={note.updated_at ?? note.created_at} full />
            </span>
            <Button look="small plain" onClick={() => edit(note)}>
              Edit
            </Button>
            <Button look="small plain" disabled={isSending} onClick={() => void remove(note)}>
              Remove
            </Button>
          </li>
        ))}
      </ul>
      {edited && (
        <p className="tools">
          <span className="muted small">A note that was there is being changed.</span>
          <Button look="small plain" onClick={leave}>
            Leave it as it was
          </Button>
        </p>
      )}
      {refusal && <p className="loss" role="alert">{`${sentence(refusal.message)} ${sentence(refusal.hint)}`.trim()}</p>}
      <textarea className="input" aria-label="Note" autoFocus maxLength={4000} value={text} onChange={(event) => setText(event.target.value)} />
    </Dialog>
  );
}
