import { useId, type ReactNode } from "react";

import { useText } from "../text";

interface SearchProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

export function Search({ label, value, onChange }: SearchProps) {
  const id = useId();
  return (
    <span className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} type="search" value={value} autoComplete="off" spellCheck={false} onChange={(event) => onChange(event.target.value)} />
    </span>
  );
}

interface ChoiceProps<V extends string> {
  label: string;
  value: V;
  options: readonly { value: V; text: string }[];
  onChange: (value: V) => void;
  className?: string;
}

export function Choice<V extends string>({ label, value, options, onChange, className = "" }: ChoiceProps<V>) {
  const id = useId();
  return (
    <span className={`field ${className}`}>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value as V)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </span>
  );
}

/** The direction of an order, where no column's head tells and turns it. */
export function Order({ descending, onTurn }: { descending: boolean; onTurn: () => void }) {
  const { t } = useText();
  return (
    <Choice
      label={t.common.order}
      className="narrow-only"
      value={descending ? "descending" : "ascending"}
      options={(["ascending", "descending"] as const).map((value) => ({ value, text: t.common.orders[value] }))}
      onChange={onTurn}
    />
  );
}

interface TickProps {
  children: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function Tick({ children, checked, onChange }: TickProps) {
  return (
    <label className="tick">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span>{children}</span>
    </label>
  );
}
