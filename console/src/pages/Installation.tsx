import { useState } from "react";

import { calls } from "../api/calls";
import type { Operator, Process } from "../api/types";
import { Audit } from "../parts/Audit";
import { Confirm } from "../parts/Dialog";
import { ErrorNote } from "../parts/ErrorNote";
import { Limits } from "../parts/Limits";
import { useSecond } from "../state/clock";
import { useWho } from "../state/context";
import { fleet, serverNow } from "../state/live";
import { useResource } from "../state/resource";
import { ofAllTenants } from "../state/session";
import { useStore } from "../state/store";
import { useAction } from "../state/useAction";
import { useText } from "../text";

const PACE_MS = 10_000;

/** What concerns all tenants together: for tokens of all tenants. */
export function Installation() {
  const { t } = useText();
  const { me } = useWho();
  if (!ofAllTenants(me)) {
    return <p className="note note-bad">{t.installation.forAll}</p>;
  }
  return (
    <>
      <div className="panels">
        <WorkOfAll />
        <Processes />
        <Operators />
      </div>
      <Chain />
      <Audit />
    </>
  );
}

function WorkOfAll() {
  const { t, f } = useText();
  const { client } = useWho();
  const [run, busy] = useAction();
  const [asking, setAsking] = useState(false);
  const paused = useStore(fleet, (state) => state?.all_paused ?? false);
  const count = useStore(fleet, (state) => state?.tenants.size ?? 0);
  const limits = useResource("limits", (signal) => calls.limits(client, signal), PACE_MS);

  const pause = (on: boolean) =>
    void run(
      () => calls.pause(client, undefined, on),
      () => {
        setAsking(false);
        return on ? t.installation.paused : t.installation.resumed;
      },
    );

  return (
    <section aria-labelledby="work-of-all" className="panel">
      <h2 id="work-of-all">{t.installation.work}</h2>
      {paused ? <p className="note note-warn">{t.installation.allPaused}</p> : null}
      <div className="actions">
        <button type="button" disabled={busy} onClick={() => (paused ? pause(false) : setAsking(true))}>
          {paused ? t.installation.resume : t.installation.pause}
        </button>
      </div>
      <h3>{t.installation.limits}</h3>
      <ErrorNote error={limits.error} onRetry={limits.reload} />
      {limits.data === undefined ? null : (
        <Limits
          limits={limits.data.all}
          busy={busy}
          onChange={(change) =>
            void run(
              () => calls.limit(client, undefined, change),
              () => t.installation.limited,
            )
          }
        />
      )}
      {asking ? (
        <Confirm title={t.installation.askPause(f.number(count))} confirm={t.installation.pause} danger busy={busy} onConfirm={() => pause(true)} onClose={() => setAsking(false)}>
          <p>{t.installation.pauseMeans}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

function Processes() {
  const { t } = useText();
  const { client, me } = useWho();
  const resource = useResource("processes", (signal) => calls.processes(client, signal), PACE_MS);
  return (
    <section aria-labelledby="processes" className="panel">
      <h2 id="processes">{t.installation.processes}</h2>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      <ul className="people">
        {(resource.data ?? []).map((process) => (
          <ProcessLine key={process.name} process={process} here={process.name === me.process} />
        ))}
      </ul>
    </section>
  );
}

function ProcessLine({ process, here }: { process: Process; here: boolean }) {
  const { t, f } = useText();
  useSecond();
  return (
    <li>
      <p>
        <code>{process.name}</code> {here ? <span className="tag tag-here">{t.installation.thisOne}</span> : null}
      </p>
      <small>
        {process.role} · {process.version} · {process.works ? t.installation.works : t.installation.rests} · {t.installation.up(f.duration((serverNow() - Date.parse(process.started_at)) / 1000))} ·{" "}
        {t.installation.seen(f.duration((serverNow() - Date.parse(process.seen_at)) / 1000))}
      </small>
    </li>
  );
}

function Operators() {
  const { t } = useText();
  const { client } = useWho();
  const resource = useResource("operators", (signal) => calls.operators(client, signal), PACE_MS);
  return (
    <section aria-labelledby="operators" className="panel">
      <h2 id="operators">{t.installation.operators}</h2>
      <p className="hint">{t.installation.operatorsMeans}</p>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      <ul className="people">
        {(resource.data ?? []).map((operator) => (
          <OperatorLine key={operator.name} operator={operator} />
        ))}
      </ul>
    </section>
  );
}

function OperatorLine({ operator }: { operator: Operator }) {
  const { t, f } = useText();
  return (
    <li>
      <p>{operator.name}</p>
      <small>{t.installation.lastSeen(f.dateTime(operator.last_seen))}</small>
    </li>
  );
}

/** The audit's entries are chained by hash; the whole chain is looked at when somebody asks. */
function Chain() {
  const { t } = useText();
  const { client } = useWho();
  const [run, busy] = useAction();
  const [found, setFound] = useState<string>();
  return (
    <div className="actions">
      <button
        type="button"
        disabled={busy}
        onClick={() =>
          void run(
            () => calls.audit(client, { limit: 1, check: true }),
            (page) => {
              setFound(page.chain);
              return undefined;
            },
          )
        }
      >
        {t.installation.checkChain}
      </button>
      <p role="status">{found === undefined ? "" : t.installation.chain(found)}</p>
    </div>
  );
}
