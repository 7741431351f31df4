import { useId, useState, type FormEvent } from "react";

import type { LimitsChange, WorkLimits } from "../api/types";
import { changeOf, draftOf, type LimitsDraft } from "../state/limits";
import { useText } from "../text";

interface Props {
  limits: WorkLimits;
  busy: boolean;
  onChange: (change: LimitsChange) => void;
}

/** What bounds the agents' work; it holds within a second of being set. An empty field is no limit. */
export function Limits({ limits, busy, onChange }: Props) {
  // Made anew where somebody else has set other limits, and kept while this operator types.
  return <Form key={`${limits.documents_per_second}/${limits.bytes_per_second}/${limits.concurrency}`} limits={limits} busy={busy} onChange={onChange} />;
}

function Form({ limits, busy, onChange }: Props) {
  const { t } = useText();
  const [draft, setDraft] = useState<LimitsDraft>(() => draftOf(limits));
  const change = changeOf(limits, draft);
  const id = useId();

  function submit(event: FormEvent) {
    event.preventDefault();
    if (change !== undefined && Object.keys(change).length > 0) {
      onChange(change);
    }
  }

  const field = (name: keyof LimitsDraft, label: string, unit: string) => (
    <div className="limit">
      <label htmlFor={`${id}-${name}`}>{label}</label>
      <span className="limit-field">
        <input
          id={`${id}-${name}`}
          inputMode="decimal"
          autoComplete="off"
          placeholder={t.limits.none}
          value={draft[name]}
          aria-invalid={change === undefined}
          onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
        />
        <span aria-hidden="true">{unit}</span>
      </span>
    </div>
  );

  return (
    <form className="limits" onSubmit={submit}>
      {field("documents_per_second", t.limits.documents, t.units.perSecond(""))}
      {field("mebibytes_per_second", t.limits.bytes, t.units.perSecond("MiB"))}
      {field("concurrency", t.limits.concurrency, t.limits.jobs)}
      <div className="actions">
        <button type="submit" disabled={busy || change === undefined || Object.keys(change).length === 0}>
          {t.limits.set}
        </button>
        <p className="hint" role="status">
          {change === undefined ? t.limits.bad : t.limits.empty}
        </p>
      </div>
    </form>
  );
}
