import { useSyncExternalStore } from "react";

import { parse, type Route } from "./address";

let current = parse(window.location.hash);
window.addEventListener("hashchange", () => (current = parse(window.location.hash)));

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
  window.history.replaceState(null, "", `#${path}${query === "" ? "" : `?${query}`}`);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
