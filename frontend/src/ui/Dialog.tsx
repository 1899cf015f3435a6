import { useEffect, useId, useRef, type FormEvent, type ReactNode } from "react";
import { Button } from "./parts";

interface DialogProps {
  title: string;
  children: ReactNode;
  onClose: () => void;
  onSubmit: () => void;
  submit: string;
  look?: string;
  disabled?: boolean;
}

/** The browser's own dialog: it keeps the focus inside, closes by Escape and gives the focus back. */
export function Dialog({ title, children, onClose, onSubmit, submit, look = "primary", disabled = false }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const shown = box.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  const send = (event: FormEvent): void => {
    event.preventDefault();
    if (!disabled) onSubmit();
  };
  return (
    <dialog ref={box} aria-labelledby={heading} onCancel={(event) => (event.preventDefault(), onClose())}>
      <form className="dialog-body" onSubmit={send}>
        <h2 id={heading}>{title}</h2>
        {children}
        <div className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <button type="submit" className={`button ${look}`} disabled={disabled}>
            {submit}
          </button>
        </div>
      </form>
    </dialog>
  );
}
