import { useState } from "react";

import { calls } from "../api/calls";
import type { AuditEntry } from "../api/types";
import { hrefs } from "../state/address";
import { useWho } from "../state/context";
import { useResource } from "../state/resource";
import { useText } from "../text";
import { ErrorNote } from "./ErrorNote";
import { ScrollX } from "./ScrollX";

const PAGE = 20;
const PACE_MS = 15_000;

/** Who changed what, the newest first: of one tenant, or of the whole installation. */
export function Audit({ tenant }: { tenant?: string }) {
  const { t } = useText();
  const { client } = useWho();
  const [older, setOlder] = useState<AuditEntry[]>([]);
  const [ended, setEnded] = useState(false);
  const resource = useResource(`audit/${tenant ?? ""}`, (signal) => calls.audit(client, { tenant, limit: PAGE }, signal), PACE_MS);
  const latest = resource.data?.entries ?? [];
  const shown = [...latest, ...older.filter((entry) => latest.length === 0 || entry.number < (latest.at(-1)?.number ?? 0))];

  async function more() {
    const page = await calls.audit(client, { tenant, limit: PAGE, before: shown.at(-1)?.number });
    setOlder([...shown.slice(latest.length), ...page.entries]);
    setEnded(page.entries.length < PAGE);
  }

  return (
    <section aria-labelledby="audit">
      <h2 id="audit">{t.audit.title}</h2>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {shown.length === 0 && !resource.loading && resource.error === undefined ? <p className="empty">{t.audit.none}</p> : null}
      {shown.length === 0 ? null : <Entries entries={shown} withTenant={tenant === undefined} />}
      {shown.length >= PAGE && !ended ? (
        <button type="button" onClick={() => void more()}>
          {t.audit.more}
        </button>
      ) : null}
    </section>
  );
}

function Entries({ entries, withTenant }: { entries: AuditEntry[]; withTenant: boolean }) {
  const { t, f } = useText();
  return (
    <ScrollX label={t.audit.title}>
      <table className="plain">
        <caption className="unseen">{t.audit.title}</caption>
        <thead>
          <tr>
            <th scope="col">{t.audit.at}</th>
            <th scope="col">{t.audit.who}</th>
            <th scope="col">{t.audit.action}</th>
            {withTenant ? <th scope="col">{t.audit.tenant}</th> : null}
            <th scope="col">{t.audit.detail}</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.number}>
              <td className="nowrap">
                <time dateTime={entry.at}>{f.dateTime(entry.at)}</time>
              </td>
              <td>
                {entry.actor}
                {entry.on_behalf_of ? <small> {t.audit.onBehalfOf(entry.on_behalf_of)}</small> : null}
              </td>
              <td>
                <code>{entry.action}</code>
              </td>
              {withTenant ? <td>{entry.tenant ? <a href={hrefs.tenant(entry.tenant)}>{entry.tenant}</a> : "–"}</td> : null}
              <td lang="en">{entry.detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
