import { useState } from "react";

import { calls } from "../api/calls";
import type { Summary, TenantView } from "../api/types";
import { useWho } from "../state/context";
import { fleet } from "../state/live";
import { useStore } from "../state/store";
import { useAction } from "../state/useAction";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { Limits } from "./Limits";

/** The agents' work on one tenant: sweep, pause, limits; and whether its clients may change documents. */
export function Work({ summary, view }: { summary: Summary; view: TenantView | undefined }) {
  const { t, f } = useText();
  const { client } = useWho();
  const [run, busy] = useAction();
  const [asking, setAsking] = useState(false);
  const tenant = summary.tenant;
  const ofAll = useStore(fleet, (state) => state?.all_paused ?? false);
  const allPaused = view?.all_paused ?? ofAll;
  // The summary's is also of a pause for all, which nothing here ends.
  const isPaused = view?.limits.paused ?? (summary.paused && !allPaused);

  const sweep = () =>
    void run(
      () => calls.sweep(client, tenant),
      () => t.work.swept(tenant),
    );
  const pause = (paused: boolean) =>
    void run(
      () => calls.pause(client, tenant, paused),
      () => (paused ? t.work.paused(tenant) : allPaused ? t.work.restsWithAll(tenant) : t.work.resumed(tenant)),
    );
  const readOnly = (on: boolean) =>
    void run(
      () => calls.readOnly(client, tenant, on),
      () => {
        setAsking(false);
        return on ? t.work.isReadOnly(tenant) : t.work.isWritable(tenant);
      },
    );

  return (
    <section aria-labelledby="work" className="panel">
      <h2 id="work">{t.work.title}</h2>
      {view === undefined || view.jobs.length === 0 ? null : (
        <ul className="jobs">
          {view.jobs.map((line) => (
            <li key={`${line.kind}/${line.state}`} className={line.state === "quarantined" ? "bad" : undefined}>
              <b>{f.number(line.jobs)}</b> {(line.jobs === 1 ? t.jobs.one : t.jobs.kind)[line.kind]} <small>{t.jobs.state[line.state]}</small>
            </li>
          ))}
        </ul>
      )}
      {allPaused ? <p className="note note-warn">{t.work.allPaused}</p> : null}
      <div className="actions">
        <button type="button" disabled={busy} onClick={sweep}>
          {t.work.sweep}
        </button>
        <button type="button" disabled={busy} onClick={() => pause(!isPaused)}>
          {isPaused ? t.work.resume : t.work.pause}
        </button>
        <button type="button" disabled={busy} onClick={() => (summary.read_only ? readOnly(false) : setAsking(true))}>
          {summary.read_only ? t.work.endReadOnly : t.work.readOnly}
        </button>
      </div>
      <h3>{t.limits.title}</h3>
      {view === undefined ? (
        <p className="hint">–</p>
      ) : (
        <Limits
          limits={view.limits}
          busy={busy}
          onChange={(change) =>
            void run(
              () => calls.limit(client, tenant, change),
              () => t.limits.done(tenant),
            )
          }
        />
      )}
      {asking ? (
        <Confirm title={t.work.askReadOnly(tenant)} confirm={t.work.readOnly} danger busy={busy} onConfirm={() => readOnly(true)} onClose={() => setAsking(false)}>
          <p>{t.work.readOnlyMeans}</p>
        </Confirm>
      ) : null}
    </section>
  );
}
