import { useMemo, useState } from "react";

import { calls } from "../api/calls";
import type { JobKind, QuarantineReason } from "../api/types";
import { hrefs } from "../state/address";
import { useWho } from "../state/context";
import { fleet } from "../state/live";
import { counter, type JobCount } from "../state/quarantine";
import { useResource } from "../state/resource";
import { say } from "../state/say";
import { useStore } from "../state/store";
import { unanswered } from "../state/summaries";
import { useAction } from "../state/useAction";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { ErrorNote } from "./ErrorNote";
import { ScrollX } from "./ScrollX";
import { Unknown } from "./Unknown";

const PACE_MS = 10_000;
/** Reasons shown at first, and added each time. */
const MAX_REASONS = 50;
/** Lines of one reason; there may be millions. */
const MAX_JOBS = 100;

interface Wish {
  kind?: JobKind;
  reason?: QuarantineReason;
}

/** Jobs that failed for the last time, by why. */
export function Quarantine({ tenant }: { tenant: string | undefined }) {
  const { t, f } = useText();
  const { client } = useWho();
  const [wish, setWish] = useState<Wish>();
  const [run, busy] = useAction();
  const resource = useResource(`reasons/${tenant ?? ""}`, (signal) => calls.reasons(client, tenant, signal), PACE_MS);
  const lines = useMemo(() => (resource.data ?? []).toSorted((a, b) => b.jobs - a.jobs), [resource.data]);
  const tenants = useStore(fleet, (state) => state?.tenants);
  // The list of reasons leaves out whom it could not ask.
  const unasked = useMemo(() => (tenant === undefined ? unanswered(tenants?.values() ?? []) : []), [tenant, tenants]);
  const [most, setMost] = useState(MAX_REASONS);
  const kinds = [...new Set(lines.map((line) => line.kind))].toSorted();
  const count = useMemo(() => counter(lines), [lines]);
  const words = ({ jobs, atLeast }: JobCount) => (atLeast ? t.quarantine.atLeast(f.number(jobs)) : f.number(jobs));
  const ofKind = (kind: JobKind) => words(count(lines.filter((line) => line.kind === kind)));

  function retry({ kind, reason }: Wish) {
    const asked = reason === undefined ? { ...(tenant === undefined ? {} : { tenant }), ...(kind === undefined ? {} : { kind }) } : { tenant: reason.tenant, kind: reason.kind, reason: reason.reason };
    void run(
      () => calls.retryJobs(client, asked),
      ({ jobs, unknown }) => {
        setWish(undefined);
        if (unknown !== undefined && unknown.length > 0) {
          say(`${t.problems.unknown} ${unknown.join("; ")}`, "failed");
        }
        return t.quarantine.retried(jobs, f.number(jobs));
      },
    );
  }

  return (
    <section aria-labelledby="quarantine">
      <div className="section-head">
        <h2 id="quarantine">{t.quarantine.title}</h2>
        <p className="count-line">{lines.length === 0 && unasked.length > 0 ? "" : t.quarantine.counted(words(count(lines)), f.number(lines.length))}</p>
      </div>
      {lines.length === 0 ? null : <p className="hint">{t.quarantine.what}</p>}
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      <Unknown tenants={unasked} />
      {resource.data !== undefined && lines.length === 0 && unasked.length === 0 ? <p className="empty">{t.quarantine.none}</p> : null}
      {kinds.length === 0 ? null : (
        <div className="actions">
          {kinds.map((kind) => (
            <button key={kind} type="button" disabled={busy} onClick={() => setWish({ kind })}>
              {t.quarantine.retryKind(t.jobs.kind[kind], ofKind(kind))}
            </button>
          ))}
        </div>
      )}
      <ul className="reasons">
        {lines.slice(0, most).map((line) => (
          <Reason key={`${line.tenant}/${line.kind}/${line.reason}`} line={line} jobs={words(count([line]))} busy={busy} onRetryAll={() => setWish({ reason: line })} />
        ))}
      </ul>
      {lines.length > most ? (
        <button type="button" onClick={() => setMost(most + MAX_REASONS)}>
          {t.quarantine.more(f.number(lines.length - most))}
        </button>
      ) : null}
      {wish === undefined ? null : (
        <Confirm title={t.quarantine.ask} confirm={t.quarantine.retryAll} busy={busy} onConfirm={() => retry(wish)} onClose={() => setWish(undefined)}>
          <p>
            {wish.reason === undefined
              ? t.quarantine.askKind(wish.kind === undefined ? "" : t.jobs.kind[wish.kind], wish.kind === undefined ? "" : ofKind(wish.kind), tenant)
              : t.quarantine.askReason(wish.reason.tenant, t.jobs.kind[wish.reason.kind], words(count([wish.reason])))}
          </p>
          <p className="hint">{t.quarantine.retryMeans}</p>
        </Confirm>
      )}
    </section>
  );
}

interface ReasonProps {
  line: QuarantineReason;
  /** How many jobs, in words. */
  jobs: string;
  busy: boolean;
  onRetryAll: () => void;
}

function Reason({ line, jobs, busy, onRetryAll }: ReasonProps) {
  const { t, f } = useText();
  const [open, setOpen] = useState(false);
  return (
    <li className="reason">
      <div className="reason-head">
        <p>
          <b>{jobs}</b> {(line.jobs === 1 ? t.jobs.one : t.jobs.kind)[line.kind]} · <a href={hrefs.tenant(line.tenant)}>{line.tenant}</a> <small>{t.quarantine.oldest(f.dateTime(line.oldest))}</small>
        </p>
        <p className="reason-text" lang="en">
          {line.reason}
        </p>
        <div className="actions">
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? t.quarantine.hide : t.quarantine.show}
          </button>
          <button type="button" disabled={busy} onClick={onRetryAll}>
            {t.quarantine.retryThese}
          </button>
        </div>
      </div>
      {open ? <JobTable line={line} jobs={jobs} /> : null}
    </li>
  );
}

function JobTable({ line, jobs }: { line: QuarantineReason; jobs: string }) {
  const { t, f } = useText();
  const { client } = useWho();
  const [run, busy] = useAction();
  const resource = useResource(`jobs/${line.tenant}/${line.kind}/${line.reason}`, (signal) =>
    calls.jobs(client, { tenant: line.tenant, kind: line.kind, reason: line.reason, state: "quarantined", limit: MAX_JOBS }, signal),
  );
  const shown = resource.data?.jobs ?? [];
  return (
    <ScrollX label={line.reason}>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      <table className="plain">
        <caption className="unseen">{line.reason}</caption>
        <thead>
          <tr>
            <th scope="col">{t.quarantine.job}</th>
            <th scope="col">{t.quarantine.target}</th>
            <th scope="col" className="numeric">{t.quarantine.attempts}</th>
            <th scope="col">{t.quarantine.since}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {shown.map((job) => (
            <tr key={job.id}>
              <th scope="row">
                <code>{job.id}</code>
              </th>
              <td className="break">
                {job.target}
                <small className="block" lang="en">
                  {job.reason}
                </small>
              </td>
              <td className="numeric">
                <span className="narrow-inline">{t.quarantine.attempts} </span>
                {f.number(job.failures)}
              </td>
              <td className="nowrap">{f.dateTime(job.created_at)}</td>
              <td>
                <button
                  type="button"
                  disabled={busy}
                  aria-label={t.quarantine.retryJob(job.id)}
                  onClick={() =>
                    void run(
                      () => calls.retryJob(client, job.id),
                      () => t.quarantine.retriedJob(job.id),
                    )
                  }
                >
                  {t.quarantine.retry}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {line.jobs > shown.length && !resource.loading ? <p className="hint">{t.quarantine.first(f.number(shown.length), jobs)}</p> : null}
    </ScrollX>
  );
}
