import { useState } from "react";

import { calls } from "../api/calls";
import type { Phase, PurgeAnswer, PurgeRun } from "../api/types";
import { useWho } from "../state/context";
import { useResource } from "../state/resource";
import { useAction } from "../state/useAction";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { ErrorNote } from "./ErrorNote";
import { Refused } from "./Refused";
import { ScrollX } from "./ScrollX";

const PACE_MS = 5000;

/** Taking content out of SQL: a dry run that counts, then, with its figures seen, the real one. */
export function Purge({ tenant, phase }: { tenant: string; phase: Phase }) {
  const { t, f } = useText();
  const { client } = useWho();
  const [asking, setAsking] = useState(false);
  const [refused, setRefused] = useState<PurgeAnswer>();
  const [run, busy] = useAction();
  const resource = useResource(phase === "sealed" ? `purge/${tenant}` : undefined, (signal) => calls.purges(client, tenant, signal), PACE_MS);
  const runs = resource.data?.runs ?? [];
  const counted = runs.filter((each) => each.dry_run && each.ended_at !== undefined && each.stopped === undefined);

  function begin(dry_run: boolean) {
    void run(
      () => calls.purge(client, tenant, dry_run),
      (answer) => {
        setAsking(false);
        setRefused(answer.outcome === "blocked" ? answer : undefined);
        return answer.outcome === "blocked" ? undefined : t.purge.begun(tenant, dry_run);
      },
    );
  }

  return (
    <section aria-labelledby="purge" className="panel">
      <h2 id="purge">{t.purge.title}</h2>
      <p className="hint">{t.purge.what}</p>
      {phase === "sealed" ? null : <p className="note">{t.purge.sealedOnly}</p>}
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {runs.length === 0 ? null : <Runs runs={runs} />}
      {refused === undefined ? null : <Refused title={t.purge.blocked} blockers={refused.blockers} />}
      {phase === "sealed" ? (
        <div className="actions">
          <button type="button" disabled={busy} onClick={() => begin(true)}>
            {t.purge.dryRun}
          </button>
          <button type="button" className="danger" disabled={busy || counted.length === 0} onClick={() => setAsking(true)}>
            {t.purge.execute}
          </button>
          {counted.length === 0 ? <span className="hint">{t.purge.dryRunFirst}</span> : null}
        </div>
      ) : null}
      {asking ? (
        <Confirm title={t.purge.ask(tenant)} confirm={t.purge.doIt} danger typed={tenant} busy={busy} onConfirm={() => begin(false)} onClose={() => setAsking(false)}>
          <p>{t.purge.means(f.number(sum(counted, "documents")), f.bytes(sum(counted, "bytes")))}</p>
          <p className="note note-warn">{t.purge.wayBack}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

const sum = (runs: PurgeRun[], figure: "documents" | "bytes") => runs.reduce((all, run) => all + run[figure], 0);

function Runs({ runs }: { runs: PurgeRun[] }) {
  const { t, f } = useText();
  return (
    <ScrollX label={t.purge.runs}>
      <table className="plain">
        <caption className="unseen">{t.purge.runs}</caption>
        <thead>
          <tr>
            <th scope="col">{t.verification.collection}</th>
            <th scope="col">{t.purge.kind}</th>
            <th scope="col">{t.purge.state}</th>
            <th scope="col" className="numeric">{t.purge.documents}</th>
            <th scope="col" className="numeric">{t.purge.bytes}</th>
            <th scope="col" className="numeric">{t.purge.unverified}</th>
            <th scope="col" className="numeric">{t.purge.tooYoung}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={`${run.collection}/${run.started_at}`}>
              <th scope="row">{run.collection}</th>
              <td>{run.dry_run ? t.purge.isDryRun : t.purge.isReal}</td>
              <td>
                {run.ended_at === undefined ? t.purge.underWay : f.dateTime(run.ended_at)}
                {run.stopped === undefined ? null : (
                  <span className="server-says" lang="en">
                    {" "}
                    {run.stopped}
                  </span>
                )}
              </td>
              <td className="numeric">{f.number(run.documents)}</td>
              <td className="numeric">{f.bytes(run.bytes)}</td>
              <td className="numeric">{f.number(run.unverified)}</td>
              <td className="numeric">{f.number(run.too_young)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
