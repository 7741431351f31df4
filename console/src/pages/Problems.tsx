import { useMemo } from "react";

import type { ProblemKind } from "../api/types";
import { Differences } from "../parts/Differences";
import { Choice } from "../parts/Fields";
import { Quarantine } from "../parts/Quarantine";
import { hrefs } from "../state/address";
import type { FleetState } from "../state/fleet";
import { fleet } from "../state/live";
import { setParameter } from "../state/route";
import { useStore } from "../state/store";
import { useText } from "../text";

/** Those with a section of their own are not among the tenants' others. */
const STORES: readonly ProblemKind[] = ["database", "breaker_open", "placement_full", "not_ours"];

export function Problems({ parameters }: { parameters: URLSearchParams }) {
  const { t } = useText();
  const state = useStore(fleet, (now) => now);
  const chosen = parameters.get("tenant") ?? "";
  const tenant = chosen === "" ? undefined : chosen;
  const names = useMemo(() => [...new Set(state?.tenants.keys() ?? []).add(chosen)].filter((name) => name !== "").toSorted(), [state?.tenants, chosen]);
  return (
    <>
      <div className="filters">
        <Choice
          label={t.overview.columns.tenant}
          value={chosen}
          options={[{ value: "", text: t.common.all }, ...names.map((value) => ({ value, text: value }))]}
          onChange={(name) => setParameter("tenant", name)}
        />
      </div>
      {state === undefined ? null : <OfTenants state={state} tenant={tenant} title={t.problems.away} none={t.problems.noneAway} kinds={STORES} id="away" />}
      <Quarantine key={`quarantine/${chosen}`} tenant={tenant} />
      <Differences key={`differences/${chosen}`} tenant={tenant} />
      {state === undefined ? null : <OfTenants state={state} tenant={tenant} title={t.problems.around} what={t.problems.aroundMeans} none={t.problems.noneAround} kinds={AROUND} id="around" />}
    </>
  );
}

const AROUND: readonly ProblemKind[] = ["write_around"];

interface OfTenantsProps {
  state: FleetState;
  tenant: string | undefined;
  title: string;
  what?: string;
  none: string;
  kinds: readonly ProblemKind[];
  id: string;
}

/** What the fleet's own figures tell, live. */
function OfTenants({ state, tenant, title, what, none, kinds, id }: OfTenantsProps) {
  const { t } = useText();
  const found = useMemo(
    () =>
      [...state.tenants.values()]
        .filter((each) => tenant === undefined || each.tenant === tenant)
        .flatMap((each) => each.problems.filter((problem) => kinds.includes(problem.kind)).map((problem) => ({ tenant: each.tenant, problem }))),
    [state.tenants, tenant, kinds],
  );
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {what === undefined || found.length === 0 ? null : <p className="hint">{what}</p>}
      {found.length === 0 ? (
        <p className="empty">{none}</p>
      ) : (
        <ul className="problem-list">
          {found.map((each) => (
            <li key={`${each.tenant}/${each.problem.kind}`} className="note note-bad">
              <a href={hrefs.tenant(each.tenant)}>{each.tenant}</a> <b>{t.problems.kind[each.problem.kind]}</b> <span lang="en">{each.problem.text}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
