import { useState } from "react";

import { calls } from "../api/calls";
import type { Verifications, VerificationProgress, VerifyRun } from "../api/types";
import { useWho } from "../state/context";
import { useResource } from "../state/resource";
import { useAction } from "../state/useAction";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { ErrorNote } from "./ErrorNote";
import { Progress } from "./Progress";
import { ScrollX } from "./ScrollX";

const UNDER_WAY_MS = 2000;
const AT_REST_MS = 20_000;

/** How the last verification ended, how far the one under way is, and the way to begin one. */
export function Verification({ tenant }: { tenant: string }) {
  const { t } = useText();
  const { client } = useWho();
  const [repairing, setRepairing] = useState(false);
  const [run, busy] = useAction();
  const [pace, setPace] = useState(AT_REST_MS);
  const resource = useResource(
    `verification/${tenant}`,
    async (signal) => {
      const found = await calls.verification(client, tenant, signal);
      setPace(found.progress === undefined ? AT_REST_MS : UNDER_WAY_MS);
      return found;
    },
    pace,
  );

  function begin(repair: boolean) {
    void run(
      () => calls.verify(client, tenant, repair),
      (begun) => {
        setRepairing(false);
        return t.verification.begun(tenant, begun.number);
      },
    );
  }

  return (
    <section aria-labelledby="verification" className="panel">
      <h2 id="verification">{t.verification.title}</h2>
      <p className="hint">{t.verification.what}</p>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {resource.data === undefined ? null : <State found={resource.data} />}
      <div className="actions">
        <button type="button" disabled={busy} onClick={() => begin(false)}>
          {t.verification.verify}
        </button>
        <button type="button" disabled={busy} onClick={() => setRepairing(true)}>
          {t.verification.repair}
        </button>
      </div>
      {repairing ? (
        <Confirm title={t.verification.askRepair(tenant)} confirm={t.verification.doRepair} danger typed={tenant} busy={busy} onConfirm={() => begin(true)} onClose={() => setRepairing(false)}>
          <p>{t.verification.repairMeans}</p>
          <p className="note note-warn">{t.verification.repairFirst}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

function State({ found }: { found: Verifications }) {
  const { t, f } = useText();
  const ended = found.runs.filter((run) => run.ended_at !== undefined);
  return (
    <>
      {found.progress === undefined ? null : <UnderWay progress={found.progress} />}
      {found.stuck === undefined ? null : (
        <p className="note note-warn" lang="en">
          {found.stuck}
        </p>
      )}
      <p>
        {found.open_differences === 0 ? t.verification.noDifferences : <b className="bad">{t.verification.open(found.open_differences, f.number(found.open_differences))}</b>}
      </p>
      {ended.length === 0 ? <p className="hint">{t.verification.never}</p> : <Ended runs={ended} />}
    </>
  );
}

function UnderWay({ progress }: { progress: VerificationProgress }) {
  const { t, f } = useText();
  const left = progress.seconds_left === undefined ? undefined : t.verification.left(f.duration(progress.seconds_left));
  return (
    <div className="under-way">
      <p>
        <b>{t.verification.underWay(progress.number)}</b> {t.units.perSecond(f.decimal(progress.documents_per_second))} · {t.units.perSecond(f.bytes(progress.bytes_per_second))}
        {left === undefined ? null : ` · ${left}`}
      </p>
      <Progress
        label={t.verification.underWay(progress.number)}
        done={progress.documents}
        total={progress.documents_expected}
        words={progress.documents_expected === undefined ? t.verification.seen(f.number(progress.documents)) : t.verification.seenOf(f.number(progress.documents), f.number(progress.documents_expected))}
      />
    </div>
  );
}

function Ended({ runs }: { runs: VerifyRun[] }) {
  const { t, f } = useText();
  return (
    <ScrollX label={t.verification.last}>
      <table className="plain">
        <caption className="unseen">{t.verification.last}</caption>
        <thead>
          <tr>
            <th scope="col">{t.verification.collection}</th>
            <th scope="col">{t.verification.ended}</th>
            <th scope="col" className="numeric">{t.verification.verified}</th>
            <th scope="col" className="numeric">{t.verification.different}</th>
            <th scope="col" className="numeric">{t.verification.unlocated}</th>
            <th scope="col" className="numeric">{t.verification.failed}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={`${run.collection}/${run.number}`}>
              <th scope="row">{run.collection}</th>
              <td>{run.ended_at === undefined ? "–" : f.dateTime(run.ended_at)}</td>
              <td className="numeric">{f.number(run.verified)}</td>
              <td className={run.different > 0 ? "numeric bad" : "numeric"}>{f.number(run.different)}</td>
              <td className="numeric">{f.number(run.unlocated)}</td>
              <td className={run.failed > 0 ? "numeric bad" : "numeric"}>{f.number(run.failed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
