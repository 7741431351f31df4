import { useState } from "react";

import { calls } from "../api/calls";
import type { FlipReport, Phase } from "../api/types";
import { useWho } from "../state/context";
import { isForward, isTrivial, readsFrom, warnings, writesTo } from "../state/phases";
import { useResource } from "../state/resource";
import { say } from "../state/say";
import { useAction } from "../state/useAction";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { ErrorNote } from "./ErrorNote";
import { Guards } from "./Guards";

interface Props {
  tenant: string;
  from: Phase;
  to: Phase;
  onClose: () => void;
}

/**
 * Asks before a flip. It begins with a dry run of its own, so that what it shows is of now, whatever the page behind it knows. What it carries
 * out is the very step that it shows: where somebody else flips meanwhile, it shows the step from there, and has it confirmed anew.
 */
export function FlipDialog({ tenant, from, to, onClose }: Props) {
  const { t } = useText();
  const { client } = useWho();
  const [opened] = useState(from);
  // Of the flip that is under way here; its own event comes before its answer.
  const [confirmed, setConfirmed] = useState<Phase>();
  const now = confirmed ?? from;
  const dry = useResource(`flip/${tenant}/${now}/${to}`, () => calls.flip(client, tenant, { from: now, to, dry_run: true }));
  const [run, busy] = useAction();
  const report = dry.data;
  const isThere = now === to || report?.outcome === "already_there";
  const wasMoved = !isThere && (now !== opened || report?.outcome === "moved");
  const forward = isForward(now, to);
  const name = t.phase.name;

  function flip() {
    setConfirmed(now);
    void run(() => calls.flip(client, tenant, { from: now, to, dry_run: false }), ended).finally(() => setConfirmed(undefined));
  }

  function ended(done: FlipReport): string | undefined {
    if (done.outcome === "flipped" || done.outcome === "already_there") {
      onClose();
    }
    if (done.outcome === "blocked" || done.outcome === "moved") {
      say(t.flip.outcome[done.outcome](tenant, name[done.to]), "failed");
      return undefined;
    }
    // A flip that was made is told to everybody by its event.
    return done.outcome === "flipped" ? undefined : t.flip.outcome[done.outcome](tenant, name[done.to]);
  }

  return (
    <Confirm
      key={now}
      title={isThere ? t.flip.outcome.already_there(tenant, name[to]) : forward ? t.flip.askForward(tenant, name[now], name[to]) : t.flip.askBack(tenant, name[now], name[to])}
      confirm={forward ? t.flip.goOn(name[to]) : t.flip.goBack(name[to])}
      danger={!isTrivial(now, to)}
      typed={isTrivial(now, to) ? undefined : tenant}
      blocked={report?.outcome !== "would_flip" || report.from !== now}
      busy={busy}
      onConfirm={flip}
      onClose={onClose}
    >
      {wasMoved ? (
        <p className="note note-warn" role="alert">
          {t.flip.wasMoved(tenant)}
        </p>
      ) : null}
      {isThere ? null : (
        <section aria-labelledby="flip-changes">
          <h3 id="flip-changes">{t.flip.changes}</h3>
          <Changes from={now} to={to} />
          {warnings(now, to).map((warning) => (
            <p key={warning} className="note note-warn">
              {t.flip.warnings[warning]}
            </p>
          ))}
        </section>
      )}
      <section aria-labelledby="flip-guards" aria-busy={dry.loading} aria-live="polite">
        <h3 id="flip-guards">{t.flip.guardsTitle}</h3>
        {dry.loading ? <p className="hint">{t.flip.checking}</p> : null}
        <ErrorNote error={dry.error} onRetry={dry.reload} />
        {report?.outcome === "would_flip" || report?.outcome === "blocked" ? <Guards guards={report.guards} /> : null}
        {report?.outcome === "blocked" ? <p className="note note-bad">{t.flip.blocked}</p> : null}
      </section>
    </Confirm>
  );
}

/** Before and after, line by line; what stays is said to stay. */
function Changes({ from, to }: { from: Phase; to: Phase }) {
  const { t } = useText();
  const lines = [
    { what: t.flip.reads, before: t.side[readsFrom[from]], after: t.side[readsFrom[to]] },
    { what: t.flip.writes, before: t.side[writesTo[from]], after: t.side[writesTo[to]] },
    { what: t.flip.agents, before: t.flip.work[from], after: t.flip.work[to] },
  ];
  return (
    <table className="changes">
      <thead>
        <tr>
          <td />
          <th scope="col">{t.flip.before(t.phase.name[from])}</th>
          <th scope="col">{t.flip.after(t.phase.name[to])}</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={line.what} className={line.before === line.after ? "same" : "other"}>
            <th scope="row">{line.what}</th>
            <td>{line.before}</td>
            <td>{line.before === line.after ? t.flip.same : line.after}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
