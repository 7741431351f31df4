import type { RestoreRequest } from "../api/types";
import { fieldOf, instantOf, type Zone } from "./instant";

/** A restore as it is typed. */
export interface Draft {
  /** As the field for date and time has it. */
  at: string;
  zone: Zone;
  /** Empty: all. */
  document: string;
  /** Empty: the tenant itself. */
  into: string;
}

export const NO_DRAFT: Draft = { at: "", zone: "local", document: "", into: "" };

/** Back to an instant that the server named, in the tenant itself. */
export function draftTo({ zone }: Draft, at: string, document: string | undefined): Draft {
  return atInstant({ at: "", zone, document: document ?? "", into: "" }, Date.parse(at));
}

/** The same instant, written in another zone where that can tell it. */
export function inZone(draft: Draft, zone: Zone): Draft {
  const instant = instantOf(draft.at, draft.zone);
  return instant === undefined || instant.comes === "never" ? { ...draft, zone } : atInstant({ ...draft, zone }, instant.at);
}

/** Written in UTC where the zone could not tell it: its clocks come by the same time twice. */
function atInstant(draft: Draft, at: number): Draft {
  const text = fieldOf(at, draft.zone);
  return instantOf(text, draft.zone)?.at === at ? { ...draft, at: text } : { ...draft, zone: "utc", at: fieldOf(at, "utc") };
}

/** `undefined`: there is no such instant. */
export function wishOf(tenant: string, draft: Draft): RestoreRequest | undefined {
  const instant = instantOf(draft.at, draft.zone);
  if (instant === undefined || instant.comes === "never") {
    return undefined;
  }
  const document = draft.document.trim();
  return {
    tenant,
    at: new Date(instant.at).toISOString(),
    ...(document === "" ? {} : { document }),
    ...(draft.into === "" ? {} : { into: draft.into }),
  };
}
