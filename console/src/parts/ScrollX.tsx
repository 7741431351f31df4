import type { ReactNode } from "react";

/** Room for a table that may be wider than the page; the arrow keys move it once it has the focus. */
export function ScrollX({ label, children }: { label: string; children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached without a pointer
    <div className="scroll-x" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
