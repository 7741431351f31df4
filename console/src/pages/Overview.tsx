import { memo, useMemo } from "react";

import { PHASES, type Phase, type Summary } from "../api/types";
import { Choice, Order, Search, Tick } from "../parts/Fields";
import { HeldBar } from "../parts/HeldBar";
import { LongTable, type Column } from "../parts/LongTable";
import { PhaseTag } from "../parts/PhaseTag";
import { ProblemTags } from "../parts/Problems";
import { Stores } from "../parts/Stores";
import { Totals } from "../parts/Totals";
import { useSteady } from "../parts/useSteady";
import { hrefs } from "../state/address";
import { fleet } from "../state/live";
import { setParameter } from "../state/route";
import { useStore } from "../state/store";
import { arrange, isCounted, shares, SORTS, type Sort, type Wanted } from "../state/summaries";
import { useText } from "../text";

export function Overview({ parameters }: { parameters: URLSearchParams }) {
  const { t, f } = useText();
  const state = useStore(fleet, (now) => now);
  const wanted = useMemo(() => wantedOf(parameters), [parameters]);
  const tenants = state?.tenants;
  const found = useMemo(() => (tenants === undefined ? [] : arrange(tenants.values(), wanted)), [tenants, wanted]);

  const { shown, hold } = useSteady(found, nameOf, `${wanted.sort}${wanted.descending}`);

  if (state === undefined) {
    return <p className="loading">{t.common.loading}</p>;
  }

  function sortBy(key: Sort) {
    const descending = wanted.sort === key ? !wanted.descending : DOWN_FIRST.has(key);
    setParameter("sort", `${descending ? "-" : ""}${key}`);
  }

  const columns: Column<Sort>[] = SORTS.map((key) => ({ key, title: t.overview.columns[key], numeric: NUMERIC.has(key), sortable: true }));
  return (
    <>
      <Totals state={state} />
      <Stores stores={state.stores} />
      <section aria-labelledby="tenants">
        <div className="section-head">
          <h2 id="tenants">{t.overview.tenants}</h2>
          <p className="count-line" role="status">
            {t.overview.shown(f.number(found.length), f.number(state.tenants.size))}
          </p>
        </div>
        <div className="filters">
          <Search label={t.common.search} value={wanted.text} onChange={(text) => setParameter("q", text)} />
          <Choice
            label={t.phase.title}
            value={wanted.phase}
            options={[{ value: "" as Phase | "", text: t.common.all }, ...PHASES.map((value) => ({ value, text: t.phase.name[value] }))]}
            onChange={(phase) => setParameter("phase", phase)}
          />
          <Choice
            label={t.common.sort}
            className="narrow-only"
            value={wanted.sort}
            options={SORTS.map((value) => ({ value, text: t.overview.columns[value] }))}
            onChange={sortBy}
          />
          <Order descending={wanted.descending} onTurn={() => sortBy(wanted.sort)} />
          <Tick checked={wanted.onlyProblems} onChange={(on) => setParameter("problems", on ? "1" : "")}>
            {t.overview.onlyProblems}
          </Tick>
        </div>
        {found.length === 0 ? (
          <p className="empty">{state.tenants.size === 0 ? t.overview.noTenants : t.overview.noneFound}</p>
        ) : (
          <LongTable
            label={t.overview.tenants}
            className="fleet"
            columns={columns}
            count={found.length}
            rowHeight={52}
            narrowRowHeight={158}
            sort={{ by: wanted.sort, descending: wanted.descending }}
            onSort={sortBy}
            hold={hold}
            row={(index) => {
              const tenant = shown[index];
              return tenant === undefined ? null : <Row key={tenant.tenant} tenant={tenant} index={index} />;
            }}
          />
        )}
      </section>
    </>
  );
}

const nameOf = (tenant: Summary) => tenant.tenant;

/** Where the most is the most interesting. */
const DOWN_FIRST: ReadonlySet<Sort> = new Set<Sort>(["documents", "backlog", "rate", "problems"]);
const NUMERIC: ReadonlySet<Sort> = new Set<Sort>(["documents", "backlog", "rate", "eta"]);

function wantedOf(parameters: URLSearchParams): Wanted {
  const sort = parameters.get("sort") ?? "tenant";
  const descending = sort.startsWith("-");
  const key = descending ? sort.slice(1) : sort;
  const phase = parameters.get("phase") ?? "";
  return {
    text: parameters.get("q") ?? "",
    phase: PHASES.find((each) => each === phase) ?? "",
    onlyProblems: parameters.get("problems") === "1",
    sort: SORTS.find((each) => each === key) ?? "tenant",
    descending,
  };
}

const Row = memo(function Row({ tenant, index }: { tenant: Summary; index: number }) {
  const { t, f } = useText();
  const documents = shares(tenant.held_by, "documents").total;
  const bytes = shares(tenant.held_by, "bytes").total;
  return (
    <div role="row" aria-rowindex={index + 2} className="long-row">
      <span role="rowheader" className="cell cell-name">
        <a href={hrefs.tenant(tenant.tenant)}>{tenant.tenant}</a>
      </span>
      <span role="cell" className="cell cell-phase">
        <PhaseTag phase={tenant.phase} />
      </span>
      <span role="cell" className="cell cell-held">
        <HeldBar held={tenant.held_by} counted={tenant.counted_at !== undefined} answered={tenant.phase !== undefined} />
      </span>
      <span role="cell" className="cell numeric cell-documents">
        <Label>{t.overview.columns.documents}</Label>
        {isCounted(tenant.held_by, tenant.counted_at) ? (
          <>
            <span>{f.number(documents)}</span>
            <small>{f.bytes(bytes)}</small>
          </>
        ) : (
          <span className="zero">–</span>
        )}
      </span>
      <span role="cell" className="cell numeric cell-backlog">
        <Label>{t.overview.columns.backlog}</Label>
        <span className={tenant.backlog === 0 ? "zero" : undefined}>{tenant.phase === undefined ? "–" : f.number(tenant.backlog)}</span>
      </span>
      <span role="cell" className="cell numeric cell-rate">
        <Label>{t.overview.columns.rate}</Label>
        {tenant.documents_per_second > 0 ? (
          <>
            <span>{t.units.perSecond(f.decimal(tenant.documents_per_second))}</span>
            <small>{t.units.perSecond(f.bytes(tenant.bytes_per_second))}</small>
          </>
        ) : (
          <span className="zero">–</span>
        )}
      </span>
      <span role="cell" className="cell numeric cell-eta">
        <Label>{t.overview.columns.eta}</Label>
        <Eta tenant={tenant} />
      </span>
      <span role="cell" className="cell cell-problems">
        <ProblemTags problems={tenant.problems} />
      </span>
    </div>
  );
});

const Label = memo(function Label({ children }: { children: string }) {
  return (
    <span className="cell-label" aria-hidden="true">
      {children}
    </span>
  );
});

function Eta({ tenant }: { tenant: Summary }) {
  const { t, f } = useText();
  if (tenant.eta_seconds !== undefined) {
    return <span>{f.duration(tenant.eta_seconds)}</span>;
  }
  if (tenant.phase === undefined) {
    return <span className="zero">–</span>;
  }
  return <span className="zero">{tenant.remaining_documents > 0 ? t.overview.standsStill : t.overview.nothingLeft}</span>;
}
