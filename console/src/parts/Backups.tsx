import { useId, useState } from "react";

import { calls } from "../api/calls";
import type { BackupAnswer, BackupList, BackupView } from "../api/types";
import { keptOf, lastGood } from "../state/backups";
import { useSecond } from "../state/clock";
import { useWho } from "../state/context";
import { serverNow } from "../state/live";
import { useResource } from "../state/resource";
import { useAction } from "../state/useAction";
import { useText } from "../text";
import { ErrorNote } from "./ErrorNote";
import { Fact } from "./Fact";
import { Moment } from "./Moment";
import { Progress } from "./Progress";
import { Refused } from "./Refused";
import { ScrollX } from "./ScrollX";

const UNDER_WAY_MS = 1000;
const AT_REST_MS = 20_000;
/** Runs that are listed; kept manifests are listed all. */
const MOST = 20;

/** Copies in the offsite store: when the last one succeeded, what is kept, how the runs went, and one more. */
export function Backups({ tenant }: { tenant: string }) {
  const { t } = useText();
  const { client } = useWho();
  const [refused, setRefused] = useState<BackupAnswer>();
  const [run, busy] = useAction();
  const [pace, setPace] = useState(AT_REST_MS);
  const id = useId();
  const resource = useResource(
    `backups/${tenant}`,
    async (signal) => {
      const { tenants } = await calls.backups(client, tenant, MOST, signal);
      const found = tenants.find((each) => each.tenant === tenant);
      setPace(found?.runs.some((each) => each.state === "running") ? UNDER_WAY_MS : AT_REST_MS);
      return found;
    },
    pace,
  );
  const found = resource.data;

  function begin() {
    void run(
      () => calls.backUp(client, { tenant }),
      (answer) => {
        const isBegun = answer.outcome === "begun" && answer.number !== undefined;
        setRefused(isBegun ? undefined : answer);
        return isBegun ? t.backups.begun(tenant, answer.number ?? 0) : undefined;
      },
    );
  }

  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{t.backups.title}</h2>
      <p className="hint">{t.backups.what}</p>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {found?.configured === false ? <p className="note note-warn">{t.backups.absent}</p> : null}
      {found === undefined || (!found.configured && found.runs.length === 0) ? null : <Found found={found} />}
      {refused === undefined ? null : <Refused title={t.backups.refused} blockers={refused.blockers} />}
      {found?.configured ? (
        <div className="actions">
          <button type="button" disabled={busy} onClick={begin}>
            {t.backups.now}
          </button>
        </div>
      ) : null}
    </section>
  );
}

function Found({ found }: { found: BackupList }) {
  const { t, f } = useText();
  const running = found.runs.find((run) => run.state === "running");
  return (
    <>
      <Standing found={found} />
      {running === undefined ? null : (
        <Progress
          label={t.backups.underWay(running.number)}
          done={running.objects_copied}
          total={undefined}
          words={`${t.backups.underWay(running.number)}. ${t.backups.copied(f.number(running.objects_copied), f.bytes(running.bytes_copied))}`}
        />
      )}
      <Manifests runs={keptOf(found.runs)} />
      <Runs runs={found.runs.slice(0, MOST)} />
    </>
  );
}

function Standing({ found }: { found: BackupList }) {
  const { t, f } = useText();
  const last = lastGood(found.runs);
  useSecond();
  const age = last?.ended_at === undefined ? undefined : (serverNow() - Date.parse(last.ended_at)) / 1000;
  return (
    <div className="facts facts-three">
      <Fact label={t.backups.last} figure={age === undefined ? t.backups.never : t.backups.ago(f.duration(age))} beside={last?.ended_at === undefined ? "" : f.dateTime(last.ended_at)} />
      <Fact label={t.backups.next} figure={found.next_at === undefined ? "–" : f.dateTime(found.next_at)} beside={found.next_at === undefined ? t.backups.noSchedule : ""} />
      <Fact label={t.backups.bad} figure={f.number(found.bad_copies)} beside={found.bad_copies === 0 ? "" : t.backups.badBeside} />
    </div>
  );
}

function Manifests({ runs }: { runs: BackupView[] }) {
  const { t, f } = useText();
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h3 id={id}>{t.backups.manifests}</h3>
      {runs.length === 0 ? (
        <p className="empty">{t.backups.noManifests}</p>
      ) : (
        <ScrollX label={t.backups.manifests}>
          <table className="plain">
            <caption className="unseen">{t.backups.manifests}</caption>
            <thead>
              <tr>
                <th scope="col">{t.backups.number}</th>
                <th scope="col">{t.backups.instant}</th>
                <th scope="col">{t.backups.kind}</th>
                <th scope="col" className="numeric">{t.backups.documents}</th>
                <th scope="col" className="numeric">{t.backups.bytes}</th>
                <th scope="col" className="numeric">{t.backups.onlyInSql}</th>
                <th scope="col" className="numeric">{t.backups.leftOut}</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <tr key={run.number}>
                  <th scope="row">{f.number(run.number)}</th>
                  <td>
                    <Moment at={run.instant} />
                  </td>
                  <td>{run.manifest === undefined ? "–" : t.backups.kinds[run.manifest.kind]}</td>
                  <td className="numeric">{f.number(run.documents)}</td>
                  <td className="numeric">{f.bytes(run.bytes)}</td>
                  <td className="numeric">{f.number(run.only_in_sql)}</td>
                  <td className={run.left_out > 0 ? "numeric bad" : "numeric"}>{f.number(run.left_out)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
    </section>
  );
}

const BAD = new Set(["failed", "broken"]);

function Runs({ runs }: { runs: BackupView[] }) {
  const { t, f } = useText();
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h3 id={id}>{t.backups.runs}</h3>
      {runs.length === 0 ? (
        <p className="empty">{t.backups.noRuns}</p>
      ) : (
        <ScrollX label={t.backups.runs}>
          <table className="plain">
            <caption className="unseen">{t.backups.runs}</caption>
            <thead>
              <tr>
                <th scope="col">{t.backups.number}</th>
                <th scope="col">{t.backups.instant}</th>
                <th scope="col">{t.backups.state}</th>
                <th scope="col">{t.backups.ended}</th>
                <th scope="col" className="numeric">{t.backups.objects}</th>
                <th scope="col" className="numeric">{t.backups.bytesCopied}</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <tr key={run.number}>
                  <th scope="row">{f.number(run.number)}</th>
                  <td className="nowrap">
                    <time dateTime={run.instant}>{f.dateTime(run.instant)}</time>
                  </td>
                  <td>
                    <span className={BAD.has(run.state) ? "bad" : undefined}>{t.backups.states[run.state]}</span>
                    {run.reason === undefined ? null : (
                      <span className="server-says block" lang="en">
                        {run.reason}
                      </span>
                    )}
                  </td>
                  <td className="nowrap">{run.ended_at === undefined ? "–" : f.dateTime(run.ended_at)}</td>
                  <td className="numeric">{f.number(run.objects_copied)}</td>
                  <td className="numeric">{f.bytes(run.bytes_copied)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
    </section>
  );
}
