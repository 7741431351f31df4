import { calls } from "../api/calls";
import type { FlipReport, Phase } from "../api/types";
import { useWho } from "../state/context";
import { isForward, isTrivial, readsFrom, warnings, writesTo } from "../state/phases";
import { useResource } from "../state/resource";
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

/** Asks before a flip. It begins with a dry run of its own, so that what it shows is of now, whatever the page behind it knows. */
export function FlipDialog({ tenant, from, to, onClose }: Props) {
  const { t } = useText();
  const { client } = useWho();
  const dry = useResource(`flip/${tenant}/${to}`, () => calls.flip(client, tenant, to, true));
  const [run, busy] = useAction();
  const report = dry.data;
  const now = report?.from ?? from;
  const forward = isForward(now, to);
  const name = t.phase.name;

  function flip() {
    void run(() => calls.flip(client, tenant, to, false), ended);
  }

  function ended(done: FlipReport): string | undefined {
    if (done.outcome === "flipped" || done.outcome === "already_there") {
      onClose();
    }
    // A flip that was made is told to everybody by its event.
    return done.outcome === "flipped" ? undefined : t.flip.outcome[done.outcome](tenant, name[done.to]);
  }

  return (
    <Confirm
      title={forward ? t.flip.askForward(tenant, name[now], name[to]) : t.flip.askBack(tenant, name[now], name[to])}
      confirm={forward ? t.flip.goOn(name[to]) : t.flip.goBack(name[to])}
      danger={!isTrivial(now, to)}
      typed={isTrivial(now, to) ? undefined : tenant}
      blocked={report?.outcome !== "would_flip"}
      busy={busy}
      onConfirm={flip}
      onClose={onClose}
    >
      <section aria-labelledby="flip-changes">
        <h3 id="flip-changes">{t.flip.changes}</h3>
        <Changes from={now} to={to} />
        {warnings(now, to).map((warning) => (
          <p key={warning} className="note note-warn">
            {t.flip.warnings[warning]}
          </p>
        ))}
      </section>
      <section aria-labelledby="flip-guards" aria-busy={dry.loading} aria-live="polite">
        <h3 id="flip-guards">{t.flip.guardsTitle}</h3>
        {dry.loading ? <p className="hint">{t.flip.checking}</p> : null}
        <ErrorNote error={dry.error} onRetry={dry.reload} />
        {report === undefined ? null : <Guards guards={report.guards} />}
        {report?.outcome === "blocked" ? <p className="note note-bad">{t.flip.blocked}</p> : null}
        {report?.outcome === "already_there" ? <p className="note">{t.flip.outcome.already_there(tenant, name[to])}</p> : null}
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
