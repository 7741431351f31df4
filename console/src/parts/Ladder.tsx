import { useEffect, useRef, useState } from "react";

import { calls } from "../api/calls";
import { PHASES, type Phase } from "../api/types";
import { useWho } from "../state/context";
import { isForward, nextOf } from "../state/phases";
import { useResource } from "../state/resource";
import { useText } from "../text";
import { ErrorNote } from "./ErrorNote";
import { FlipDialog } from "./FlipDialog";
import { Guards } from "./Guards";
import { PhaseTag } from "./PhaseTag";

/** The five phases in order, where the tenant is, the ways on and back, and what the next step's guards say now. */
export function Ladder({ tenant, phase }: { tenant: string; phase: Phase }) {
  const { t } = useText();
  const [asked, setAsked] = useState<Phase>();
  const next = nextOf(phase);
  const ladder = useRef<HTMLOListElement>(null);

  const wasAsked = useRef(false);

  // A flip takes away the very button that it was asked by, and the focus with it.
  useEffect(() => {
    if (asked !== undefined) {
      wasAsked.current = true;
    } else if (wasAsked.current && document.activeElement === document.body) {
      wasAsked.current = false;
      ladder.current?.focus({ preventScroll: true });
    }
  }, [asked, phase]);

  return (
    <>
      <ol className="ladder" ref={ladder} tabIndex={-1}>
        {PHASES.map((step) => (
          <li key={step} className={`rung ${rungClass(phase, step)}`} aria-current={step === phase ? "step" : undefined}>
            <PhaseTag phase={step} />
            {step === phase ? <span className="tag tag-here">{t.flip.here}</span> : null}
            <p className="rung-means">{t.flip.means[step]}</p>
            <Way phase={phase} step={step} onAsk={setAsked} />
          </li>
        ))}
      </ol>
      {next === undefined ? <p className="hint">{t.flip.last}</p> : <NextStep tenant={tenant} from={phase} to={next} />}
      {asked === undefined ? null : <FlipDialog tenant={tenant} from={phase} to={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function rungClass(phase: Phase, step: Phase): string {
  if (step === phase) {
    return "rung-here";
  }
  return isForward(phase, step) ? "rung-ahead" : "rung-behind";
}

function Way({ phase, step, onAsk }: { phase: Phase; step: Phase; onAsk: (to: Phase) => void }) {
  const { t } = useText();
  const name = t.phase.name[step];
  if (step === phase) {
    return null;
  }
  if (!isForward(phase, step)) {
    return (
      <button type="button" onClick={() => onAsk(step)}>
        {t.flip.back(name)}
      </button>
    );
  }
  const next = nextOf(phase);
  return step === next ? (
    <button type="button" className="primary" onClick={() => onAsk(step)}>
      {t.flip.on(name)}
    </button>
  ) : (
    <p className="hint">{t.flip.oneByOne}</p>
  );
}

/** A dry run of the next step: it changes nothing, probes the placements (or relies on a probe of the last minutes) and compares a sample. */
function NextStep({ tenant, from, to }: { tenant: string; from: Phase; to: Phase }) {
  const { t } = useText();
  const { client } = useWho();
  const dry = useResource(`next/${tenant}/${from}/${to}`, () => calls.flip(client, tenant, { from, to, dry_run: true }));
  const judged = dry.data?.outcome === "would_flip" || dry.data?.outcome === "blocked" ? dry.data : undefined;
  return (
    <section className="next-step" aria-labelledby="next-step" aria-busy={dry.loading}>
      <div className="section-head">
        <h3 id="next-step">{t.flip.next(t.phase.name[from], t.phase.name[to])}</h3>
        {judged === undefined ? null : (
          <span className={judged.outcome === "blocked" ? "tag tag-bad" : "tag tag-good"}>{judged.outcome === "blocked" ? t.flip.wouldBlock : t.flip.wouldPass}</span>
        )}
        <button type="button" className="quiet" onClick={dry.reload} disabled={dry.loading}>
          {dry.loading ? t.flip.checking : t.flip.checkAgain}
        </button>
      </div>
      <ErrorNote error={dry.error} />
      {judged === undefined ? null : <Guards guards={judged.guards} />}
    </section>
  );
}
