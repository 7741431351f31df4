import { useId, useState } from "react";

import { calls } from "../api/calls";
import type { DrillAnswer, DrillList, DrillRequest, Evidence } from "../api/types";
import { useSecond } from "../state/clock";
import { useWho } from "../state/context";
import { serverNow } from "../state/live";
import { useResource } from "../state/resource";
import { useAction } from "../state/useAction";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { ErrorNote } from "./ErrorNote";
import { Fact } from "./Fact";
import { Progress } from "./Progress";
import { Refused } from "./Refused";
import { TitledTable, type TitledColumn } from "./TitledTable";

const UNDER_WAY_MS = 1000;
const AT_REST_MS = 20_000;
/** Drills that are listed. */
const MOST = 20;

/** Whether the backup can be restored: what drills have shown, and one more. */
export function Drills({ tenant }: { tenant: string }) {
  const { t } = useText();
  const { client } = useWho();
  const [asking, setAsking] = useState(false);
  const [refused, setRefused] = useState<DrillAnswer>();
  const [run, busy] = useAction();
  const [pace, setPace] = useState(AT_REST_MS);
  const id = useId();
  const resource = useResource(
    `drills/${tenant}`,
    async (signal) => {
      const { tenants } = await calls.drills(client, tenant, MOST, signal);
      const found = tenants.find((each) => each.tenant === tenant);
      setPace(found?.under_way === undefined ? AT_REST_MS : UNDER_WAY_MS);
      return found;
    },
    pace,
  );
  const found = resource.data;

  function begin(wish: DrillRequest) {
    void run(
      () => calls.drill(client, wish),
      (answer) => {
        const isBegun = answer.outcome === "begun";
        setAsking(false);
        setRefused(isBegun ? undefined : answer);
        return isBegun ? t.drills.begun(tenant) : undefined;
      },
    );
  }

  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{t.drills.title}</h2>
      <p className="hint">{t.drills.what}</p>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {found?.configured === false ? <p className="note note-warn">{t.drills.absent}</p> : null}
      {found?.configured ? <Found found={found} /> : null}
      {refused === undefined ? null : <Refused title={t.drills.refused} blockers={refused.blockers} />}
      {found?.configured ? (
        <div className="actions">
          <button type="button" disabled={busy} onClick={() => begin({ tenant })}>
            {t.drills.sample}
          </button>
          <button type="button" disabled={busy} onClick={() => setAsking(true)}>
            {t.drills.all}
          </button>
        </div>
      ) : null}
      {asking ? (
        <Confirm title={t.drills.askAll(tenant)} confirm={t.drills.doAll} busy={busy} onConfirm={() => begin({ tenant, all: true })} onClose={() => setAsking(false)}>
          <p>{t.drills.allMeans}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

function Found({ found }: { found: DrillList }) {
  const { t, f } = useText();
  const { under_way: underWay, not_run: notRun, drills, unreadable } = found;
  return (
    <>
      <Standing found={found} />
      {underWay === undefined ? null : (
        <Progress
          label={t.drills.underWay}
          done={underWay.documents}
          total={underWay.of}
          words={`${t.drills.underWay}. ${t.drills.soFar(underWay.by, f.number(underWay.documents), f.bytes(underWay.bytes), f.number(underWay.different))}`}
        />
      )}
      {notRun === undefined ? null : (
        <div className="note note-bad">
          <p>{t.drills.notRun(notRun.by, f.dateTime(notRun.at))}</p>
          <p className="server-says" lang="en">
            {notRun.reason}
          </p>
        </div>
      )}
      {unreadable === 0 ? null : <p className="note note-warn">{t.drills.unreadable(unreadable, f.number(unreadable))}</p>}
      <List drills={drills} />
    </>
  );
}

function Standing({ found }: { found: DrillList }) {
  const { t, f } = useText();
  const failed = found.drills.find((drill) => !drill.passed);
  useSecond();
  const ago = (at: string) => t.backups.ago(f.duration((serverNow() - Date.parse(at)) / 1000));
  return (
    <div className="facts facts-three">
      <Fact label={t.drills.passed} figure={found.passed_at === undefined ? t.backups.never : ago(found.passed_at)} beside={found.passed_at === undefined ? "" : f.dateTime(found.passed_at)} />
      <Fact label={t.drills.failed} figure={failed === undefined ? t.drills.neverFailed : ago(failed.ended_at)} beside={failed === undefined ? "" : f.dateTime(failed.ended_at)} />
      <Fact label={t.backups.next} figure={found.next_at === undefined ? "–" : f.dateTime(found.next_at)} beside={found.next_at === undefined ? t.backups.noSchedule : ""} />
    </div>
  );
}

function List({ drills }: { drills: Evidence[] }) {
  const { t, f } = useText();
  const { columns: titles } = t.drills;
  const columns: TitledColumn<Evidence>[] = [
    {
      title: titles.ended,
      heads: true,
      className: "nowrap",
      cell: (drill) => (
        <>
          <time dateTime={drill.ended_at}>{f.dateTime(drill.ended_at)}</time>
          <small className="block">{t.drills.took(f.duration(drill.duration_seconds))}</small>
        </>
      ),
    },
    { title: titles.outcome, className: "drill-outcome", cell: (drill) => <Outcome drill={drill} /> },
    {
      title: titles.manifest,
      className: "nowrap",
      cell: (drill) => (
        <>
          {f.number(drill.manifest.number)}
          <small className="block">{f.dateTime(drill.manifest.instant)}</small>
        </>
      ),
    },
    { title: titles.extent, className: "nowrap", cell: (drill) => (drill.whole ? t.drills.extents.whole : t.drills.extents.sample) },
    {
      title: titles.documents,
      numeric: true,
      cell: (drill) => (
        <>
          {f.number(drill.documents)}
          <small className="block">{f.bytes(drill.bytes)}</small>
        </>
      ),
    },
    { title: titles.compared, numeric: true, cell: (drill) => f.number(drill.compared_with_primary) },
    { title: titles.different, numeric: true, bad: (drill) => drill.different > 0, cell: (drill) => f.number(drill.different) },
    { title: titles.by, className: "drill-by", cell: (drill) => drill.by },
  ];
  return <TitledTable title={t.drills.list} level="h3" none={t.drills.none} cards columns={columns} rows={drills} keyOf={(drill) => `${drill.ended_at}/${drill.manifest.number}/${drill.documents}`} />;
}

function Outcome({ drill: { passed, named } }: { drill: Evidence }) {
  const { t, f } = useText();
  return (
    <>
      <span className={passed ? undefined : "bad"}>{passed ? t.drills.outcomes.passed : t.drills.outcomes.failed}</span>
      {named.length === 0 ? null : (
        <details>
          <summary>{t.drills.names(named.length, f.number(named.length))}</summary>
          <ul className="server-says" lang="en">
            {named.map((difference) => (
              <li key={difference}>{difference}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
