import { useMemo } from "react";

import { HOLDERS, PHASES } from "../api/types";
import type { FleetState } from "../state/fleet";
import { setParameter, useRoute } from "../state/route";
import { countPhases, shares, type PhaseCounts } from "../state/summaries";
import { useText } from "../text";
import { PhaseTag } from "./PhaseTag";
import { Sparkline } from "./Sparkline";

/** All tenants together, and how many are in which phase. */
export function Totals({ state }: { state: FleetState }) {
  const { t, f } = useText();
  const { totals, tenants, rates } = state;
  const documents = shares(totals.held_by, "documents");
  const rate = rates.at(-1);
  const counts = useMemo(() => countPhases(tenants.values()), [tenants]);
  const without = counts.unknown;
  return (
    <section aria-labelledby="totals" className="totals">
      <h2 id="totals" className="unseen">
        {t.totals.title}
      </h2>
      <div className="total total-held">
        <p className="total-label">{t.totals.held}</p>
        <p className="total-figure">
          {f.percent(documents.both + documents.object)} <small>{t.totals.inObjectStore}</small>
        </p>
        <span className="bar bar-large" aria-hidden="true">
          {HOLDERS.map((holder) => (documents[holder] > 0 ? <span key={holder} className={`part part-${holder}`} style={{ flexGrow: documents[holder] }} /> : null))}
        </span>
        <ul className="legend">
          {HOLDERS.map((holder) => (
            <li key={holder}>
              <span className={`swatch part-${holder}`} aria-hidden="true" />
              <span>{t.held.long[holder]}</span>
              <b>{f.number(totals.held_by[holder]?.documents ?? 0)}</b>
              <small>{f.percent(documents[holder])}</small>
              <small>{f.bytes(totals.held_by[holder]?.bytes ?? 0)}</small>
            </li>
          ))}
        </ul>
        {without === 0 ? null : <p className="hint">{t.totals.without(without, f.number(without))}</p>}
      </div>
      <Figure label={t.totals.documents} figure={f.number(totals.documents)} beside={f.bytes(totals.bytes)} />
      <Figure label={t.totals.backlog} figure={f.number(totals.backlog)} beside={t.totals.jobs} />
      <div className="total">
        <p className="total-label">{t.totals.rate}</p>
        <p className="total-figure">{t.units.perSecond(f.decimal(rate?.documents ?? 0))}</p>
        <p className="total-beside">{t.units.perSecond(f.bytes(rate?.bytes ?? 0))}</p>
        <Sparkline values={rates.map((each) => each.documents)} />
      </div>
      <Figure label={t.totals.problems} figure={f.number(totals.problems)} beside={t.totals.quarantined(totals.quarantined, f.number(totals.quarantined))} bad={totals.problems > 0} />
      <Phases counts={counts} />
    </section>
  );
}

function Figure({ label, figure, beside, bad }: { label: string; figure: string; beside: string; bad?: boolean }) {
  return (
    <div className={bad ? "total total-bad" : "total"}>
      <p className="total-label">{label}</p>
      <p className="total-figure">{figure}</p>
      <p className="total-beside">{beside}</p>
    </div>
  );
}

/** How many tenants are on which step; each is a filter. */
function Phases({ counts }: { counts: PhaseCounts }) {
  const { t, f } = useText();
  const chosen = useRoute().parameters.get("phase");
  return (
    <div className="phases" role="group" aria-label={t.totals.byPhase}>
      {PHASES.map((phase) => (
        <button key={phase} type="button" aria-pressed={chosen === phase} onClick={() => setParameter("phase", chosen === phase ? "" : phase)}>
          <PhaseTag phase={phase} />
          <b>{f.number(counts[phase])}</b>
        </button>
      ))}
      {counts.unknown > 0 ? (
        <span className="phases-unknown">
          <PhaseTag phase={undefined} />
          <b>{f.number(counts.unknown)}</b>
        </span>
      ) : null}
    </div>
  );
}
