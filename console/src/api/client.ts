import type { Problem } from "./types";

/** An answer that is not a success, or none at all (`status` 0). `detail` is the server's own sentence. */
export class ApiError extends Error {
  readonly status: number;
  readonly detail: string;
  readonly requestId: string | undefined;
  /** The answer's JSON, where it had some: a refusal by a guard is a report, not a problem. */
  readonly body: unknown;

  constructor(status: number, detail: string, requestId?: string, body?: unknown) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.detail = detail;
    this.requestId = requestId;
    this.body = body;
  }
}

export interface Client {
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  send<T>(method: "POST" | "PUT", path: string, wish: object): Promise<T>;
  /** An answer that comes bit by bit, for as long as it takes. */
  stream(path: string, signal: AbortSignal, accept: string): Promise<Response>;
}

/** Long enough for a flip, which probes stores and compares a sample. */
const PATIENCE_MS = 120_000;

/** `onUnauthorized` is told when the server does not know the token (any more). */
export function client(token: string | undefined, onUnauthorized: () => void): Client {
  async function call(path: string, init: RequestInit, accept: string): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("Accept", accept);
    if (token !== undefined) {
      headers.set("Authorization", `Bearer ${token}`);
    }
    let response: Response;
    try {
      response = await fetch(`/admin/v1/${path}`, { ...init, headers, cache: "no-store", credentials: "omit", redirect: "error" });
    } catch (error) {
      if (init.signal?.aborted && !(init.signal.reason instanceof DOMException && init.signal.reason.name === "TimeoutError")) {
        throw error;
      }
      throw new ApiError(0, error instanceof Error ? error.message : String(error));
    }
    if (response.ok) {
      return response;
    }
    const error = await refusal(response);
    if (error.status === 401) {
      onUnauthorized();
    }
    throw error;
  }

  return {
    async get<T>(path: string, signal?: AbortSignal) {
      const patience = AbortSignal.timeout(PATIENCE_MS);
      const both = signal === undefined ? patience : AbortSignal.any([signal, patience]);
      const response = await call(path, { signal: both }, "application/json");
      return (await response.json()) as T;
    },
    async send<T>(method: "POST" | "PUT", path: string, wish: object) {
      const init = { method, body: JSON.stringify(wish), headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) };
      const response = await call(path, init, "application/json");
      return (await response.json()) as T;
    },
    stream: (path, signal, accept) => call(path, { signal }, accept),
  };
}

async function refusal(response: Response): Promise<ApiError> {
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    // A proxy in front answers with a page of its own.
    return new ApiError(response.status, response.statusText);
  }
  const problem = body as Partial<Problem>;
  return new ApiError(response.status, problem.detail ?? response.statusText, problem.request_id, body);
}
