import type { Verdict } from "../api/types";
import { useText } from "../text";

/** Each guard of a step with its verdict, in the server's own words. */
export function Guards({ guards }: { guards: Verdict[] }) {
  const { t } = useText();
  if (guards.length === 0) {
    return <p className="hint">{t.flip.noGuards}</p>;
  }
  return (
    <ul className="guards">
      {guards.map((verdict) => (
        <li key={verdict.guard} className={verdict.passed ? "guard guard-passed" : "guard guard-blocks"}>
          <span className="guard-mark" aria-hidden="true">
            {verdict.passed ? "✓" : "✕"}
          </span>
          <span className="guard-name">{t.flip.guards[verdict.guard] ?? verdict.guard}</span>
          <span className="guard-verdict">{verdict.passed ? t.flip.passed : t.flip.blocks}</span>
          <span className="server-says" lang="en">
            {verdict.detail}
          </span>
        </li>
      ))}
    </ul>
  );
}
