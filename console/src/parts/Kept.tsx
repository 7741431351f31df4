import { calls } from "../api/calls";
import type { HistoryView } from "../api/types";
import { useWho } from "../state/context";
import { useResource } from "../state/resource";
import { useText } from "../text";
import { ErrorNote } from "./ErrorNote";
import { Fact } from "./Fact";

/** What a tenant's history comes to. The server counts it all each time, so it is asked for seldom. */
const PACE_MS = 60_000;

export function Kept({ tenant }: { tenant: string }) {
  const { t } = useText();
  const { client } = useWho();
  const resource = useResource(`history/${tenant}`, (signal) => calls.history(client, tenant, signal), PACE_MS);
  return (
    <section aria-labelledby="kept">
      <h2 id="kept" className="unseen">
        {t.history.figures}
      </h2>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      <Figures view={resource.data} />
    </section>
  );
}

function Figures({ view }: { view: HistoryView | undefined }) {
  const { t, f } = useText();
  if (view === undefined) {
    return <p className="loading">{t.common.loading}</p>;
  }
  const { all, staged, past } = view;
  return (
    <div className="facts facts-four">
      <Fact label={t.history.all} figure={f.number(all.versions)} beside={f.bytes(all.bytes)} />
      <Stay view={view} />
      <Fact label={t.history.staged} figure={f.number(staged.versions)} beside={t.history.stagedBeside(f.bytes(staged.bytes))} />
      <Fact label={t.history.past} figure={f.number(past.versions)} beside={t.history.pastBeside(f.bytes(past.bytes))} />
    </div>
  );
}

/** The collector gives up what is older than both ages. */
function Stay({ view: { keep_for_seconds: keepFor, oldest_sql_backup_seconds: backup } }: { view: HistoryView }) {
  const { t, f } = useText();
  const figure = backup === null ? t.history.forGood : f.duration(Math.max(keepFor, backup));
  const ages = backup === null ? t.history.noBackupAge : t.history.ages(f.duration(keepFor), f.duration(backup));
  return <Fact label={t.history.stay} figure={figure} beside={keepFor === 0 ? t.history.keepsNone : ages} />;
}
