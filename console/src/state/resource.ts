import { useCallback, useEffect, useRef, useState } from "react";

import { link } from "./live";
import { Store, useStore } from "./store";

export interface Resource<T> {
  data: T | undefined;
  /** Of the last attempt; what was known before stays in `data`. */
  error: unknown;
  /** For the first time, or because somebody asked; not when it is looked after by itself. */
  loading: boolean;
  reload: () => void;
}

/** Raised by everything that an operator changes: what is shown is asked for again. */
const changes = new Store(0);

export const changed = (): void => changes.setNow(changes.get() + 1);

interface Held<T> {
  key: string;
  data: T | undefined;
  error: unknown;
  loading: boolean;
}

/**
 * What the events do not tell. Asked for when it is first shown, after every change made here, when the server is back, and every
 * `every` milliseconds where that is given and the page is looked at. `key` names what is asked for; `undefined`: nothing now.
 */
export function useResource<T>(key: string | undefined, load: (signal: AbortSignal) => Promise<T>, every?: number): Resource<T> {
  const [held, setHeld] = useState<Held<T>>({ key: "", data: undefined, error: undefined, loading: false });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  const made = useStore(changes, (count) => count);
  const liveSince = useStore(link, (state) => (state.is === "live" ? state.since : 0));

  useEffect(() => {
    latest.current = load;
  });

  useEffect(() => {
    if (key === undefined) {
      return undefined;
    }
    const controller = new AbortController();
    let timer: number | undefined;
    const again = () => {
      if (every !== undefined) {
        timer = window.setTimeout(() => (document.hidden ? again() : setTurn((count) => count + 1)), every);
      }
    };
    const settle = (change: Partial<Held<T>>) => {
      if (!controller.signal.aborted) {
        setHeld((before) => ({ key, data: before.key === key ? before.data : undefined, error: undefined, loading: false, ...change }));
        again();
      }
    };
    latest.current(controller.signal).then(
      (data) => settle({ data }),
      (error: unknown) => settle({ error }),
    );
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, [key, turn, made, liveSince, every]);

  const reload = useCallback(() => {
    setHeld((before) => ({ ...before, loading: true }));
    setTurn((count) => count + 1);
  }, []);
  const fits = held.key === key;
  return { data: fits ? held.data : undefined, error: fits ? held.error : undefined, loading: !fits || held.loading, reload };
}
