import { useId, useState, type FormEvent } from "react";

import { calls } from "../api/calls";
import type { PastList, PastView } from "../api/types";
import { useWho } from "../state/context";
import { useResource } from "../state/resource";
import { setParameter } from "../state/route";
import { useText } from "../text";
import { ErrorNote } from "./ErrorNote";
import { ScrollX } from "./ScrollX";

const PAGE = 20;

type Restore = (at: string, document: string) => void;

interface Props {
  tenant: string;
  /** As `<collection>/<id>`; empty: none was asked for. */
  document: string;
  onRestore: Restore;
}

/** The contents that one document had, a page at a time. Whose it is stands in the address. */
export function Versions({ tenant, document, onRestore }: Props) {
  const { t } = useText();
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{t.versions.title}</h2>
      <p className="hint">{t.versions.what}</p>
      <Which key={document} document={document} />
      {document === "" ? null : <Pages key={`of/${document}`} tenant={tenant} document={document} onRestore={onRestore} />}
    </section>
  );
}

function Which({ document }: { document: string }) {
  const { t } = useText();
  const [text, setText] = useState(document);
  const id = useId();

  function submit(event: FormEvent) {
    event.preventDefault();
    setParameter("document", text.trim());
  }

  return (
    <form className="filters which" onSubmit={submit}>
      <span className="field">
        <label htmlFor={id}>{t.versions.document}</label>
        <input id={id} type="search" value={text} placeholder={t.versions.hint} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setText(event.target.value)} />
      </span>
      <button type="submit" disabled={text.trim() === ""}>
        {t.versions.show}
      </button>
    </form>
  );
}

function Pages({ tenant, document, onRestore }: Props) {
  const { t } = useText();
  const { client } = useWho();
  const [before, setBefore] = useState<number>();
  const resource = useResource(`versions/${tenant}/${document}/${before ?? ""}`, (signal) => calls.versions(client, { tenant, document, before, limit: PAGE }, signal));
  const found = resource.data;
  const next = found?.next ?? undefined;
  return (
    <>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {found === undefined ? null : <Listed found={found} onRestore={onRestore} />}
      {before === undefined && next === undefined ? null : (
        <div className="actions">
          <button type="button" disabled={before === undefined} onClick={() => setBefore(undefined)}>
            {t.versions.newer}
          </button>
          <button type="button" disabled={next === undefined} onClick={() => setBefore(next)}>
            {t.versions.older}
          </button>
        </div>
      )}
    </>
  );
}

function Listed({ found, onRestore }: { found: PastList; onRestore: Restore }) {
  const { t } = useText();
  const document = `${found.collection}/${found.document}`;
  if (found.versions.length === 0) {
    return <p className="empty">{t.versions.none(document)}</p>;
  }
  const label = t.versions.listed(document);
  return (
    <ScrollX label={label}>
      <table className="plain cards">
        <caption className="unseen">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{t.versions.from}</th>
            <th scope="col">{t.versions.to}</th>
            <th scope="col" className="numeric">{t.versions.size}</th>
            <th scope="col">{t.versions.name}</th>
            <th scope="col">{t.versions.type}</th>
            <th scope="col">{t.versions.stamp}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {found.versions.map((version) => (
            <Row key={`${version.stamp}/${version.held_to}`} version={version} onRestore={() => onRestore(version.restored_by, document)} />
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

function Row({ version, onRestore }: { version: PastView; onRestore: () => void }) {
  const { t, f } = useText();
  return (
    <tr>
      <td>
        <span className="cell-label">{t.versions.from}</span>
        {version.held_from === null ? t.versions.unknown : <time dateTime={version.held_from}>{f.dateTime(version.held_from)}</time>}
        {version.held_from === null || version.exact ? null : <small className="block">{t.versions.orBefore}</small>}
      </td>
      <td>
        <span className="cell-label">{t.versions.to}</span>
        <time dateTime={version.held_to}>{f.dateTime(version.held_to)}</time>
        {version.staged ? <small className="block">{t.versions.staged}</small> : null}
      </td>
      <td className="numeric">
        <span className="cell-label">{t.versions.size}</span>
        {f.bytes(version.bytes)}
      </td>
      <td className="break">
        <span className="cell-label">{t.versions.name}</span>
        {version.file_name ?? "–"}
      </td>
      <td className="break">
        <span className="cell-label">{t.versions.type}</span>
        {version.media_type ?? "–"}
      </td>
      <th scope="row" className="break">
        <span className="cell-label">{t.versions.stamp}</span>
        <code>{version.stamp}</code>
      </th>
      <td>
        <button type="button" aria-label={t.versions.restoreThis(version.stamp)} onClick={onRestore}>
          {t.versions.restore}
        </button>
      </td>
    </tr>
  );
}
