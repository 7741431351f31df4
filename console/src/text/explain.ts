import { ApiError } from "../api/client";
import type { Catalogue } from "./index";

/** Why something was not done: our words for what happened, then the server's own. */
export function explain(error: unknown, t: Catalogue): string {
  if (!(error instanceof ApiError)) {
    return t.errors.unknown(error instanceof Error ? error.message : String(error));
  }
  switch (error.status) {
    case 0:
      return t.errors.unreachable;
    case 401:
      return t.errors.unauthorized;
    case 403:
      return t.errors.forbidden(error.detail);
    case 404:
      return t.errors.missing(error.detail);
    case 503:
      return t.errors.notNow(error.detail);
    default:
      return t.errors.refused(error.detail);
  }
}
