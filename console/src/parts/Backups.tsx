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
import { TitledTable, type TitledColumn } from "./TitledTable";

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
  const columns: TitledColumn<BackupView>[] = [
    { title: t.backups.number, heads: true, cell: (run) => f.number(run.number) },
    { title: t.backups.instant, cell: (run) => <Moment at={run.instant} /> },
    { title: t.backups.kind, cell: (run) => (run.manifest === undefined ? "–" : t.backups.kinds[run.manifest.kind]) },
    { title: t.backups.documents, numeric: true, cell: (run) => f.number(run.documents) },
    { title: t.backups.bytes, numeric: true, cell: (run) => f.bytes(run.bytes) },
    { title: t.backups.onlyInSql, numeric: true, cell: (run) => f.number(run.only_in_sql) },
    { title: t.backups.leftOut, numeric: true, bad: (run) => run.left_out > 0, cell: (run) => f.number(run.left_out) },
  ];
  return <TitledTable title={t.backups.manifests} level="h3" none={t.backups.noManifests} columns={columns} rows={runs} keyOf={numberOf} />;
}

const BAD = new Set(["failed", "broken"]);

function Runs({ runs }: { runs: BackupView[] }) {
  const { t, f } = useText();
  const columns: TitledColumn<BackupView>[] = [
    { title: t.backups.number, heads: true, cell: (run) => f.number(run.number) },
    { title: t.backups.instant, className: "nowrap", cell: (run) => <time dateTime={run.instant}>{f.dateTime(run.instant)}</time> },
    { title: t.backups.state, cell: (run) => <State run={run} /> },
    { title: t.backups.ended, className: "nowrap", cell: (run) => (run.ended_at === undefined ? "–" : f.dateTime(run.ended_at)) },
    { title: t.backups.objects, numeric: true, cell: (run) => f.number(run.objects_copied) },
    { title: t.backups.bytesCopied, numeric: true, cell: (run) => f.bytes(run.bytes_copied) },
  ];
  return <TitledTable title={t.backups.runs} level="h3" none={t.backups.noRuns} columns={columns} rows={runs} keyOf={numberOf} />;
}

const numberOf = (run: BackupView) => run.number;

function State({ run }: { run: BackupView }) {
  const { t } = useText();
  return (
    <>
      <span className={BAD.has(run.state) ? "bad" : undefined}>{t.backups.states[run.state]}</span>
      {run.reason === undefined ? null : (
        <span className="server-says block" lang="en">
          {run.reason}
        </span>
      )}
    </>
  );
}
