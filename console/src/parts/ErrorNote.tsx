import { ApiError } from "../api/client";
import { link } from "../state/live";
import { useStore } from "../state/store";
import { useText } from "../text";
import { explain } from "../text/explain";

/** What could not be fetched, and why; `undefined`: nothing is wrong. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useText();
  const lost = useStore(link, (state) => state.is === "lost");
  // That nothing is heard of the server stands above the page already.
  if (error === undefined || (lost && error instanceof ApiError && error.status === 0)) {
    return null;
  }
  return (
    <div className="note note-bad" role="alert">
      <p>{explain(error, t)}</p>
      {onRetry === undefined ? null : (
        <button type="button" onClick={onRetry}>
          {t.common.again}
        </button>
      )}
    </div>
  );
}
