import { calls } from "../api/calls";
import { ApiError, client, type Client } from "../api/client";
import type { Me } from "../api/types";
import * as live from "./live";
import { Store } from "./store";

/** Why nobody is logged in. */
export type Notice =
  | { why: "first" }
  | { why: "refused" }
  | { why: "forbidden"; detail: string }
  | { why: "expired" }
  | { why: "left" }
  | { why: "unreachable"; detail: string };

export type Session =
  | { is: "checking" }
  | { is: "out"; notice: Notice; busy: boolean }
  | { is: "in"; me: Me; client: Client };

/** The token is in the client's closure, and nowhere else: a reload asks for it again. */
export const session = new Store<Session>({ is: "checking" });

/** With `auth = "none"` nobody needs a token; so it is tried without one first. */
export async function begin(): Promise<void> {
  await enter(undefined);
}

export async function login(token: string): Promise<void> {
  const before = session.get();
  if (before.is === "out") {
    session.setNow({ ...before, busy: true });
  }
  await enter(token);
}

export function logout(): void {
  leave({ why: "left" });
}

function leave(notice: Notice): void {
  live.stop();
  session.setNow({ is: "out", notice, busy: false });
}

async function enter(token: string | undefined): Promise<void> {
  const c = client(token, () => {
    // What an earlier session has asked for may be answered after it ended.
    const now = session.get();
    if (now.is === "in" && now.client === c) {
      leave({ why: "expired" });
    }
  });
  try {
    const me = await calls.me(c);
    session.setNow({ is: "in", me, client: c });
    live.start(c);
  } catch (error) {
    leave(noticeOf(error, token !== undefined));
  }
}

function noticeOf(error: unknown, tried: boolean): Notice {
  if (error instanceof ApiError && error.status === 401) {
    return tried ? { why: "refused" } : { why: "first" };
  }
  if (error instanceof ApiError && error.status === 403) {
    return { why: "forbidden", detail: error.detail };
  }
  return { why: "unreachable", detail: error instanceof Error ? error.message : String(error) };
}

/** Whether a token of this reach may do what concerns every tenant at once. */
export const ofAllTenants = (me: Me): boolean => me.tenants.includes("*");
