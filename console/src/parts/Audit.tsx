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
/** The server tells no more at once. */
const MOST = 1000;
const PACE_MS = 15_000;

/** Who changed what, the newest first: of one tenant, or of the whole installation. */
export function Audit({ tenant }: { tenant?: string }) {
  const { t } = useText();
  const { client } = useWho();
  // More is asked for as a whole: a page before a number would leave a gap where entries came meanwhile.
  const [limit, setLimit] = useState(PAGE);
  const resource = useResource(`audit/${tenant ?? ""}`, (signal) => calls.audit(client, { tenant, limit }, signal), PACE_MS);
  const entries = resource.data?.entries ?? [];

  function more() {
    setLimit(Math.min(limit + 5 * PAGE, MOST));
    resource.reload();
  }

  return (
    <section aria-labelledby="audit">
      <h2 id="audit">{t.audit.title}</h2>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {resource.data !== undefined && entries.length === 0 ? <p className="empty">{t.audit.none}</p> : null}
      {entries.length === 0 ? null : <Entries entries={entries} withTenant={tenant === undefined} />}
      {entries.length >= limit && limit < MOST ? (
        <div className="actions">
          <button type="button" disabled={resource.loading} onClick={more}>
            {t.audit.more}
          </button>
        </div>
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
