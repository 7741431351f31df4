/** A lock: water high on one side of the gate, low on the other. */
export function Brand() {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" focusable="false">
        <path d="M4 8h9v18H4z" className="water" />
        <path d="M19 16h9v10h-9z" className="water" />
        <path d="M16 4v24" className="gate" />
      </svg>
      Sluss
    </span>
  );
}
