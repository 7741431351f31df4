import { Store } from "./store";

/** What has just happened, for the eye and for screen readers. */
export interface Saying {
  id: number;
  tone: "done" | "failed";
  text: string;
}

const STAYS_MS = 8000;
const MOST = 4;

export const sayings = new Store<Saying[]>([]);

let last = 0;

export function say(text: string, tone: Saying["tone"] = "done"): void {
  last += 1;
  const id = last;
  sayings.setNow([...sayings.get().slice(-(MOST - 1)), { id, tone, text }]);
  // What failed stays until it is put away.
  if (tone === "done") {
    window.setTimeout(() => unsay(id), STAYS_MS);
  }
}

export function unsay(id: number): void {
  sayings.setNow(sayings.get().filter((each) => each.id !== id));
}
