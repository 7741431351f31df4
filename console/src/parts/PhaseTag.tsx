import { PHASES, type Phase } from "../api/types";
import { useText } from "../text";

/** A phase's name, and its place on the ladder as a little staircase. */
export function PhaseTag({ phase }: { phase: Phase | undefined }) {
  const { t } = useText();
  const at = phase === undefined ? -1 : PHASES.indexOf(phase);
  return (
    <span className={phase === undefined ? "phase phase-unknown" : "phase"}>
      <svg className="steps" viewBox="0 0 24 14" width="24" height="14" aria-hidden="true" focusable="false">
        {PHASES.map((each, index) => (
          <rect key={each} x={index * 5} y={10 - index * 2.5} width="4" height={4 + index * 2.5} className={index <= at ? "reached" : "ahead"} />
        ))}
      </svg>
      {phase === undefined ? t.phase.unknown : t.phase.name[phase]}
    </span>
  );
}
