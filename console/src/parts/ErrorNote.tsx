import { useText } from "../text";
import { explain } from "../text/explain";

/** What could not be fetched, and why; `undefined`: nothing is wrong. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useText();
  if (error === undefined) {
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
