import { useSyncExternalStore } from "react";

import { parse, type Route } from "./address";

let current = parse(window.location.hash);

/** Where each entry of the history was scrolled to when it was left. */
const left = new Map<number, number>();
let last = 0;
let entry = arrive();
let arrivedAt = 0;

// The browser would scroll before the page is there.
window.history.scrollRestoration = "manual";
window.addEventListener("hashchange", () => {
  left.set(entry, window.scrollY);
  current = parse(window.location.hash);
  entry = arrive();
  arrivedAt = left.get(entry) ?? 0;
});

/** The number of the entry that is shown; an entry without one is new. */
function arrive(): number {
  const state = window.history.state as { entry?: number } | null;
  if (state?.entry !== undefined) {
    last = Math.max(last, state.entry);
    return state.entry;
  }
  last += 1;
  window.history.replaceState({ entry: last }, "");
  return last;
}

/** How far down the page that is shown begins: where it was left, for who comes back to it. */
export const beginsAt = (): number => arrivedAt;

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, () => current);
}

/** Filters are in the address, so that a view can be sent to somebody; typing in them makes no history. */
export function setParameter(name: string, value: string): void {
  const parameters = new URLSearchParams(current.parameters);
  if (value === "") {
    parameters.delete(name);
  } else {
    parameters.set(name, value);
  }
  const path = window.location.hash.replace(/^#/, "").split("?", 1)[0] || "/";
  const query = parameters.toString();
  window.history.replaceState(window.history.state, "", `#${path}${query === "" ? "" : `?${query}`}`);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
