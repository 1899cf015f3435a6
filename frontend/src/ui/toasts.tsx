import { useSyncExternalStore } from "react";
import { asFailure } from "../api/failure";
import { sentence } from "../format/words";
import { Icon } from "./Icon";
import { Button } from "./parts";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

let toasts: readonly Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();
const SHOWN_FOR = 6000;

function set(changed: readonly Toast[]): void {
  toasts = changed;
  for (const listener of listeners) listener();
}

const dismiss = (id: number): void => set(toasts.filter((toast) => toast.id !== id));

export function tell(text: string, bad = false): void {
  const id = next++;
  set([...toasts.slice(-3), { id, text: sentence(text), bad }]);
  // What went wrong stays until somebody has seen it.
  if (!bad) setTimeout(() => dismiss(id), SHOWN_FOR);
}

export function complain(error: unknown): void {
  const { message, hint } = asFailure(error);
  tell(hint ? `${sentence(message)} ${sentence(hint)}` : message, true);
}

export function Toasts() {
  const shown = useSyncExternalStore((listener) => (listeners.add(listener), () => listeners.delete(listener)), () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, bad }) => (
        <div key={id} className={`toast ${bad ? "bad" : ""}`}>
          <p>{text}</p>
          <Button look="small plain" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" />
          </Button>
        </div>
      ))}
    </div>
  );
}
