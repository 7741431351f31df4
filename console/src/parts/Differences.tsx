import { calls } from "../api/calls";
import type { Facts, TenantsDifference } from "../api/types";
import { hrefs } from "../state/address";
import { useWho } from "../state/context";
import { useResource } from "../state/resource";
import { useText } from "../text";
import { ErrorNote } from "./ErrorNote";
import { ScrollX } from "./ScrollX";
import { Unknown } from "./Unknown";

const PACE_MS = 15_000;
const MOST = 200;

/** What a comparison found to differ, and what each side says. */
export function Differences({ tenant }: { tenant: string | undefined }) {
  const { t, f } = useText();
  const { client } = useWho();
  const resource = useResource(`differences/${tenant ?? ""}`, (signal) => calls.differences(client, tenant, undefined, MOST, signal), PACE_MS);
  const found = resource.data?.differences ?? [];
  const unasked = resource.data?.unknown ?? [];
  return (
    <section aria-labelledby="differences">
      <div className="section-head">
        <h2 id="differences">{t.differences.title}</h2>
        <p className="count-line">{resource.data === undefined || (found.length === 0 && unasked.length > 0) ? "" : t.differences.counted(f.number(found.length), resource.data.next !== undefined)}</p>
      </div>
      {found.length === 0 ? null : <p className="hint">{t.differences.what}</p>}
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {resource.data !== undefined && found.length === 0 && unasked.length === 0 ? <p className="empty">{t.differences.none}</p> : null}
      <Unknown tenants={unasked} />
      {found.length === 0 ? null : (
        <ScrollX label={t.differences.title}>
          <table className="plain">
            <caption className="unseen">{t.differences.title}</caption>
            <thead>
              <tr>
                <th scope="col">{t.differences.about}</th>
                <th scope="col">{t.differences.kind}</th>
                <th scope="col">{t.differences.found}</th>
                <th scope="col">{t.differences.remedy}</th>
                <th scope="col">{t.differences.sides}</th>
              </tr>
            </thead>
            <tbody>
              {found.map((each) => (
                <Line key={`${each.tenant}/${each.number}`} found={each} />
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
    </section>
  );
}

function Line({ found }: { found: TenantsDifference }) {
  const { t, f } = useText();
  return (
    <tr>
      <th scope="row" className="break">
        <a href={hrefs.tenant(found.tenant)}>{found.tenant}</a>
        <small className="block">{found.document === undefined ? found.object : `${found.collection ?? ""}/${found.document}`}</small>
      </th>
      <td>
        {t.differences.kinds[found.kind]}
        {found.sole ? <span className="tag tag-bad">{t.differences.sole}</span> : null}
      </td>
      <td className="nowrap">
        {f.dateTime(found.found_at)}
        <small className="block">{t.differences.foundBy[found.found_by]}</small>
      </td>
      <td>{t.differences.remedies[found.remedy]}</td>
      <td>
        <details>
          <summary>{t.differences.compare}</summary>
          <Sides found={found} />
        </details>
      </td>
    </tr>
  );
}

function Sides({ found }: { found: TenantsDifference }) {
  const { t, f } = useText();
  const sides = (["location", "sql", "object"] as const).filter((side) => found.sides[side] !== undefined);
  const rows: { what: string; of: (facts: Facts) => string | undefined }[] = [
    { what: t.differences.revision, of: (facts) => facts.revision?.toString() },
    { what: t.differences.length, of: (facts) => (facts.length_bytes === undefined ? undefined : f.number(facts.length_bytes)) },
    { what: "SHA-256", of: (facts) => facts.sha256 },
    { what: t.differences.piece, of: (facts) => facts.first_differing_piece?.toString() },
    { what: t.differences.mediaType, of: (facts) => facts.media_type },
    { what: t.differences.fileName, of: (facts) => facts.file_name },
    { what: t.differences.note, of: (facts) => facts.note },
  ];
  return (
    <table className="plain sides">
      <thead>
        <tr>
          <td />
          {sides.map((side) => (
            <th key={side} scope="col">
              {t.differences.side[side]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows
          .filter((row) => sides.some((side) => row.of(found.sides[side] ?? {}) !== undefined))
          .map((row) => (
            <tr key={row.what}>
              <th scope="row">{row.what}</th>
              {sides.map((side) => (
                <td key={side}>
                  <code>{row.of(found.sides[side] ?? {}) ?? "–"}</code>
                </td>
              ))}
            </tr>
          ))}
      </tbody>
    </table>
  );
}
