import { useMemo, useState } from "react";

import { steadied } from "../state/steady";

interface Steady<T> {
  shown: T[];
  /** To be laid on what is round the list. */
  hold: { onPointerEnter: () => void; onPointerLeave: () => void };
}

/**
 * Keeps the order of a list while the pointer is over it, so that nothing moves away from under it. `order` names the order that is asked
 * for: another one holds at once.
 */
export function useSteady<T, K>(found: T[], keyOf: (each: T) => K, order: string): Steady<T> {
  const [held, setHeld] = useState<{ order: string; keys: K[] }>();
  const shown = useMemo(() => (held?.order === order ? steadied(found, held.keys, keyOf) : found), [found, held, order, keyOf]);
  return {
    shown,
    hold: {
      onPointerEnter: () => setHeld({ order, keys: found.map(keyOf) }),
      onPointerLeave: () => setHeld(undefined),
    },
  };
}
