import { useEffect, useId, useMemo, useRef, useState, type ReactNode, type RefObject } from "react";

import { calls } from "../api/calls";
import type { RestoreAnswer, RestoreFigures, Summary } from "../api/types";
import { useWho } from "../state/context";
import { changed, useResource } from "../state/resource";
import { restoresOf, type Restore } from "../state/restores";
import { shares } from "../state/summaries";
import { useAction } from "../state/useAction";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { ErrorNote } from "./ErrorNote";
import { Moment } from "./Moment";
import { Progress } from "./Progress";
import { Refused } from "./Refused";
import { ScrollX } from "./ScrollX";

const UNDER_WAY_MS = 1000;
const AT_REST_MS = 20_000;
/** Of the others the audit tells. */
const MOST = 20;

interface Props {
  tenant: string;
  heading: RefObject<HTMLHeadingElement | null>;
  summary: Summary;
  /** Back to this instant, of one document or all. */
  onUndo: (at: string, document: string | undefined) => void;
}

/** Restores that were made, how far the one under way is, and the way back from each. */
export function Restores({ tenant, heading, summary, onUndo }: Props) {
  const { t } = useText();
  const { client } = useWho();
  const [pace, setPace] = useState(AT_REST_MS);
  const id = useId();
  const resource = useResource(
    `restores/${tenant}`,
    async (signal) => {
      const found = await calls.restores(client, tenant, signal);
      setPace(found.restores.some((part) => part.ended_at === undefined) ? UNDER_WAY_MS : AT_REST_MS);
      return found;
    },
    pace,
  );
  const restores = useMemo(() => restoresOf(resource.data?.restores ?? []), [resource.data]);
  const underWay = restores.find((restore) => restore.endedAt === undefined);
  const worked = useRef(false);

  // What it has changed is asked for anew when it ends, as when somebody here had changed it.
  useEffect(() => {
    if (worked.current && underWay === undefined) {
      changed();
    }
    worked.current = underWay !== undefined;
  }, [underWay]);

  return (
    <section aria-labelledby={id}>
      <h2 id={id} ref={heading} tabIndex={-1}>
        {t.restore.list}
      </h2>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {underWay === undefined ? null : (
        <UnderWay restore={underWay} documents={shares(summary.held_by, "documents").total}>
          <Cancel key={underWay.number} tenant={tenant} restore={underWay} />
        </UnderWay>
      )}
      {resource.data !== undefined && restores.length === 0 ? <p className="empty">{t.restore.none}</p> : null}
      {restores.length === 0 ? null : <Made restores={restores.slice(0, MOST)} onUndo={onUndo} />}
    </section>
  );
}

/** `documents`: that the tenant has now; those that are no more are looked at besides. */
function UnderWay({ restore, documents, children }: { restore: Restore; documents: number; children: ReactNode }) {
  const { t, f } = useText();
  const { looked_at: lookedAt, restored, restored_bytes: bytes, removed } = restore.figures;
  const all = restore.document === undefined ? documents : 1;
  const title = t.restore.underWay(restore.number);
  return (
    <div className="panel">
      <p>
        <b>{title}</b> {t.restore.soFar(f.number(restored), f.bytes(bytes), f.number(removed))}
      </p>
      <Progress
        label={title}
        done={lookedAt}
        total={all === 0 ? undefined : all}
        words={lookedAt > all ? t.restore.lookedAt(lookedAt, f.number(lookedAt)) : t.restore.lookedAtOf(f.number(lookedAt), f.number(all))}
      />
      {children}
    </div>
  );
}

function Cancel({ tenant, restore }: { tenant: string; restore: Restore }) {
  const { t } = useText();
  const { client } = useWho();
  const [asking, setAsking] = useState(false);
  const [refused, setRefused] = useState<RestoreAnswer>();
  const [run, busy] = useAction();

  function cancel() {
    void run(
      () => calls.cancelRestore(client, tenant, restore.number),
      (answer) => {
        const isCancelled = answer.outcome === "cancelled";
        setAsking(false);
        setRefused(isCancelled ? undefined : answer);
        return isCancelled ? t.restore.cancelled(tenant, restore.number) : undefined;
      },
    );
  }

  if (restore.stopped.length > 0) {
    return <p className="hint">{t.restore.isBeingCancelled}</p>;
  }
  return (
    <>
      {refused === undefined ? null : <Refused title={t.restore.notCancelled} blockers={refused.blockers} />}
      <div className="actions">
        <button type="button" className="danger" disabled={busy} onClick={() => setAsking(true)}>
          {t.restore.cancel}
        </button>
      </div>
      {asking ? (
        <Confirm title={t.restore.askCancel(restore.number)} confirm={t.restore.doCancel} danger busy={busy} onConfirm={cancel} onClose={() => setAsking(false)}>
          <p>{t.restore.cancelMeans}</p>
          {restore.into === undefined ? <p>{t.restore.cancelWayBack}</p> : null}
        </Confirm>
      ) : null}
    </>
  );
}

function Made({ restores, onUndo }: { restores: Restore[]; onUndo: Props["onUndo"] }) {
  const { t, f } = useText();
  const { columns } = t.restore;
  return (
    <ScrollX label={t.restore.list}>
      <table className="plain cards">
        <caption className="unseen">{t.restore.list}</caption>
        <thead>
          <tr>
            <th scope="col">{columns.number}</th>
            <th scope="col">{columns.instant}</th>
            <th scope="col">{columns.of}</th>
            <th scope="col">{columns.ended}</th>
            <th scope="col" className="numeric">{columns.restored}</th>
            <th scope="col" className="numeric">{columns.removed}</th>
            <th scope="col">{columns.others}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {restores.map((restore) => (
            <tr key={restore.number}>
              <th scope="row">
                <span className="cell-label">{columns.number}</span>
                {f.number(restore.number)}
              </th>
              <td>
                <span className="cell-label">{columns.instant}</span>
                <Moment at={restore.instant} />
              </td>
              <td className="break">
                <span className="cell-label">{columns.of}</span>
                {restore.document ?? t.restore.all}
                {restore.into === undefined ? null : <small className="block">{t.restore.intoTenant(restore.into)}</small>}
              </td>
              <td>
                <span className="cell-label">{columns.ended}</span>
                {restore.endedAt === undefined ? t.restore.isUnderWay : f.dateTime(restore.endedAt)}
                {restore.stopped.map((why) => (
                  <span key={why} className="server-says block bad" lang="en">
                    {why}
                  </span>
                ))}
              </td>
              <td className="numeric">
                <span className="cell-label">{columns.restored}</span>
                {f.number(restore.figures.restored)}
                <small className="block">{f.bytes(restore.figures.restored_bytes)}</small>
              </td>
              <td className="numeric">
                <span className="cell-label">{columns.removed}</span>
                {f.number(restore.figures.removed)}
              </td>
              <td>
                <span className="cell-label">{columns.others}</span>
                <Others figures={restore.figures} />
              </td>
              <td>
                {/* What went into another tenant has left this one as it was. */}
                {restore.into === undefined && restore.endedAt !== undefined ? (
                  <button type="button" aria-label={t.restore.undoThis(restore.number)} onClick={() => onUndo(restore.undoneBy, restore.document)}>
                    {t.restore.undo}
                  </button>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

const OTHERS = ["failed", "barred", "marked", "dealt", "doubtful"] as const satisfies readonly (keyof RestoreFigures)[];

function Others({ figures }: { figures: RestoreFigures }) {
  const { t, f } = useText();
  const found = OTHERS.filter((other) => figures[other] > 0);
  if (found.length === 0) {
    return <span className="hint">{t.restore.noOthers}</span>;
  }
  return found.map((other) => (
    <span key={other} className={other === "failed" ? "block bad" : "block"}>
      {t.restore.others[other](f.number(figures[other]))}
    </span>
  ));
}
