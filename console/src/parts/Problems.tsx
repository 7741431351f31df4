import type { WatchedProblem } from "../api/types";
import { useText } from "../text";
import { Nothing } from "./Nothing";

/** What an operator has asked for is a state, not a fault. */
const WISHED = new Set(["paused", "read_only"]);

export const isFault = (problem: WatchedProblem): boolean => !WISHED.has(problem.kind);

/** A tenant's problems in one line; the server's own sentences on hovering, and for screen readers. */
export function ProblemTags({ problems }: { problems: WatchedProblem[] }) {
  const { t } = useText();
  if (problems.length === 0) {
    return <Nothing words={t.problems.none} />;
  }
  return (
    <span className="tags">
      {problems.map((problem) => (
        <span key={problem.kind} className={isFault(problem) ? "tag tag-bad" : "tag tag-wish"} title={problem.text}>
          {t.problems.kind[problem.kind] ?? problem.kind}
        </span>
      ))}
    </span>
  );
}

/** The same with the server's sentences in full. */
export function ProblemList({ problems }: { problems: WatchedProblem[] }) {
  const { t } = useText();
  if (problems.length === 0) {
    return null;
  }
  return (
    <ul className="problem-list" aria-label={t.shell.problems}>
      {problems.map((problem) => (
        <li key={problem.kind} className={isFault(problem) ? "note note-bad" : "note note-warn"}>
          <b>{t.problems.kind[problem.kind] ?? problem.kind}</b> <span lang="en">{problem.text}</span>
        </li>
      ))}
    </ul>
  );
}
