import { useSyncExternalStore } from "react";

/** State outside React. Whoever listens is told once a frame, however often it changed; `get` always tells the newest. */
export class Store<T> {
  #state: T;
  #scheduled = false;
  readonly #listeners = new Set<() => void>();

  constructor(first: T) {
    this.#state = first;
  }

  readonly get = (): T => this.#state;

  set(next: T): void {
    if (Object.is(next, this.#state)) {
      return;
    }
    this.#state = next;
    if (!this.#scheduled) {
      this.#scheduled = true;
      requestAnimationFrame(() => {
        this.#scheduled = false;
        this.#tell();
      });
    }
  }

  /** For what a person has just done: told at once. */
  setNow(next: T): void {
    this.#state = next;
    this.#tell();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #tell(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

/** `select` has to return what is in the state, not something made anew each time. */
export function useStore<T, S>(store: Store<T>, select: (state: T) => S): S {
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
