import { useId, useLayoutEffect, useRef, useState, type FormEvent, type ReactNode, type SyntheticEvent } from "react";

import { useText } from "../text";

interface DialogProps {
  title: string;
  children: ReactNode;
  onClose: () => void;
}

/** A modal: the browser keeps the focus in it, and gives it back to what opened it. */
export function Dialog({ title, children, onClose }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();

  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);

  function cancel(event: SyntheticEvent) {
    event.preventDefault();
    onClose();
  }

  function closed() {
    // A second Escape closes it without asking.
    if (dialog.current?.open === false) {
      onClose();
    }
  }

  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={cancel} onClose={closed}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps extends DialogProps {
  confirm: string;
  danger?: boolean;
  /** Has to be typed before anything can be confirmed. */
  typed?: string | undefined;
  /** Nothing can be confirmed, for what the dialog itself tells. */
  blocked?: boolean;
  busy: boolean;
  onConfirm: () => void;
}

export function Confirm({ title, children, confirm, danger, typed, blocked, busy, onConfirm, onClose }: ConfirmProps) {
  const { t } = useText();
  const [text, setText] = useState("");
  const id = useId();
  const ready = blocked !== true && !busy && (typed === undefined || text.trim() === typed);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (ready) {
      onConfirm();
    }
  }

  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <form onSubmit={submit}>
        {typed === undefined || blocked === true ? null : (
          <div className="typed">
            <label htmlFor={id}>{t.confirm.type(typed)}</label>
            <input id={id} value={text} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setText(event.target.value)} />
          </div>
        )}
        <div className="dialog-actions">
          <button type="button" onClick={onClose}>
            {t.common.cancel}
          </button>
          <button type="submit" className={danger ? "primary primary-danger" : "primary"} disabled={!ready}>
            {busy ? t.confirm.busy : confirm}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
