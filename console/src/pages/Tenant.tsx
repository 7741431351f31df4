import { calls } from "../api/calls";
import type { Summary, TenantView } from "../api/types";
import { Audit } from "../parts/Audit";
import { ErrorNote } from "../parts/ErrorNote";
import { Fact } from "../parts/Fact";
import { HeldBar } from "../parts/HeldBar";
import { Ladder } from "../parts/Ladder";
import { NoTenant } from "../parts/NoTenant";
import { PhaseTag } from "../parts/PhaseTag";
import { ProblemList } from "../parts/Problems";
import { Purge } from "../parts/Purge";
import { Traffic } from "../parts/Traffic";
import { Verification } from "../parts/Verification";
import { Work } from "../parts/Work";
import { hrefs } from "../state/address";
import { useWho } from "../state/context";
import { fleet, serverNow } from "../state/live";
import { useResource } from "../state/resource";
import { useStore } from "../state/store";
import { isCounted, latestHeld, shares } from "../state/summaries";
import { useText } from "../text";

const PACE_MS = 5000;

export function Tenant({ tenant }: { tenant: string }) {
  const { t } = useText();
  const { client } = useWho();
  const known = useStore(fleet, (state) => state !== undefined);
  const summary = useStore(fleet, (state) => state?.tenants.get(tenant));
  const view = useResource(summary === undefined ? undefined : `tenant/${tenant}`, (signal) => asked(calls.tenant(client, tenant, signal)), PACE_MS);
  // Then that is told among its problems.
  const isAway = summary?.problems.some((problem) => problem.kind === "database") ?? false;
  // With a problem its figures are those of an empty tenant: not known, not 0.
  const seen = view.data?.answer.problem === undefined ? view.data?.answer : undefined;

  if (!known) {
    return <p className="loading">{t.common.loading}</p>;
  }
  if (summary === undefined) {
    return <NoTenant tenant={tenant} />;
  }
  return (
    <>
      <Facts summary={summary} view={seen} askedAt={view.data?.at ?? 0} />
      <ErrorNote error={view.error} onRetry={view.reload} />
      {view.data?.answer.problem === undefined || isAway ? null : (
        <p className="note note-bad">
          {t.tenant.notAnswered} <span lang="en">{view.data.answer.problem}</span>
        </p>
      )}
      <ProblemList problems={summary.problems} />
      <section aria-labelledby="phase">
        <h2 id="phase">{t.phase.title}</h2>
        {summary.phase === undefined ? <p className="note note-bad">{t.tenant.noPhase}</p> : <Ladder tenant={tenant} phase={summary.phase} />}
      </section>
      <div className="panels panels-two">
        <Work summary={summary} view={seen} />
        <div className="stack">
          <Verification tenant={tenant} />
          {summary.phase === undefined ? null : <Purge tenant={tenant} phase={summary.phase} />}
        </div>
      </div>
      <Traffic tenant={tenant} />
      <Audit tenant={tenant} />
    </>
  );
}

/** An answer, and when it was asked for. */
async function asked<T>(answer: Promise<T>): Promise<{ answer: T; at: number }> {
  const at = serverNow();
  return { answer: await answer, at };
}

/** The figures of the tenant, live. */
function Facts({ summary, view, askedAt }: { summary: Summary; view: TenantView | undefined; askedAt: number }) {
  const { t, f } = useText();
  const { held, countedAt } = latestHeld(summary, view, askedAt);
  const counted = isCounted(held, countedAt);
  const documents = shares(held, "documents").total;
  const bytes = shares(held, "bytes").total;
  const isSeen = summary.phase !== undefined;
  return (
    <section aria-labelledby="facts" className="facts">
      <h2 id="facts" className="unseen">
        {t.tenant.figures}
      </h2>
      <div className="fact fact-held">
        <p className="total-label">
          <PhaseTag phase={summary.phase} />
        </p>
        <HeldBar held={held} counted={countedAt !== undefined} answered={isSeen} />
        {countedAt === undefined ? null : <p className="hint">{t.tenant.countedAt(f.dateTime(countedAt))}</p>}
      </div>
      <Fact label={t.totals.documents} figure={counted ? f.number(documents) : "–"} beside={counted ? f.bytes(bytes) : ""} />
      <Fact label={t.totals.backlog} figure={isSeen ? f.number(summary.backlog) : "–"} beside={summary.oldest_job_seconds ? t.tenant.oldest(f.duration(summary.oldest_job_seconds)) : ""} />
      <Fact
        label={t.totals.rate}
        figure={isSeen ? t.units.perSecond(f.decimal(summary.documents_per_second)) : "–"}
        beside={isSeen ? t.units.perSecond(f.bytes(summary.bytes_per_second)) : ""}
      />
      <Fact
        label={t.overview.columns.eta}
        figure={summary.eta_seconds === undefined ? "–" : f.duration(summary.eta_seconds)}
        beside={isSeen ? t.tenant.remaining(summary.remaining_documents, f.number(summary.remaining_documents), f.bytes(summary.remaining_bytes)) : ""}
      />
      <Fact label={t.tenant.soleTitle} figure={view === undefined ? "–" : f.number(view.only_in_object_store)} beside={view === undefined ? "" : completeness(view, t, f.number)} />
      <p className="fact-links">
        <a href={hrefs.history(summary.tenant)}>{t.history.link}</a>
        <a href={hrefs.transfers(summary.tenant)}>{t.tenant.transfers}</a>
        <a href={hrefs.problems(summary.tenant)}>{t.tenant.problems}</a>
      </p>
    </section>
  );
}

/** In `sql`: whether the gateway could be taken away. */
function completeness(view: TenantView, t: ReturnType<typeof useText>["t"], number: (value: number) => string): string {
  if (view.phase === "sql" && view.only_in_object_store === 0 && view.open_uploads === 0) {
    return t.tenant.sqlComplete;
  }
  return t.tenant.uploads(view.open_uploads, number(view.open_uploads));
}
