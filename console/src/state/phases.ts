import { PHASES, type Phase } from "../api/types";

// What docs/protocol.md says of phases, as the console tells it.

export type Side = "sql" | "object";

/** Which holder is read when both are equal. */
export const readsFrom: Record<Phase, Side> = { sql: "sql", shadow: "sql", dual: "object", object: "object", sealed: "object" };

/** Where new content goes. */
export const writesTo: Record<Phase, Side> = { sql: "sql", shadow: "sql", dual: "sql", object: "object", sealed: "object" };

const rank = (phase: Phase) => PHASES.indexOf(phase);

export const isForward = (from: Phase, to: Phase): boolean => rank(to) > rank(from);

export const nextOf = (phase: Phase): Phase | undefined => PHASES[rank(phase) + 1];

/**
 * Whether the opposite step undoes it at once, with nothing to be moved. So it is as long as SQL has everything: up to `dual`. From `object`
 * on, contents lie in the object store alone and have to be written back, and the way forward has to be earned anew.
 */
export const isTrivial = (from: Phase, to: Phase): boolean => Math.max(rank(from), rank(to)) <= rank("dual");

/** What an operator should know before confirming, beside what changes. */
export type Warning = "only_in_object" | "no_write_back" | "write_back" | "purge_stops" | "verify_again" | "complete_later";

export function warnings(from: Phase, to: Phase): Warning[] {
  const found: Warning[] = [];
  if (isForward(from, to)) {
    if (writesTo[from] === "sql" && writesTo[to] === "object") {
      found.push("only_in_object");
    }
    if (to === "sealed") {
      found.push("no_write_back");
    }
    return found;
  }
  if (from === "sealed") {
    found.push("purge_stops", "verify_again");
  }
  if (writesTo[from] === "object" && writesTo[to] === "sql") {
    found.push("write_back");
  }
  if (to === "sql") {
    found.push("complete_later");
  }
  return found;
}
