import { memo, useMemo } from "react";

import { DIRECTIONS, type Direction, type Transfer } from "../api/types";
import { Choice, Order, Search } from "../parts/Fields";
import { LongTable, type Column } from "../parts/LongTable";
import { Progress } from "../parts/Progress";
import { TitledTable, type TitledColumn } from "../parts/TitledTable";
import { useSteady } from "../parts/useSteady";
import { hrefs } from "../state/address";
import { useSecond } from "../state/clock";
import { useWho } from "../state/context";
import { serverNow, transfers } from "../state/live";
import { setParameter } from "../state/route";
import { useStore } from "../state/store";
import { arrangeTransfers, flows, TRANSFER_SORTS, type Failed, type TransferSort, type WantedTransfers } from "../state/transfers";
import { useText } from "../text";

const DOWN_FIRST: ReadonlySet<TransferSort> = new Set<TransferSort>(["age", "rate", "progress", "attempt"]);
const NUMERIC: ReadonlySet<TransferSort> = new Set<TransferSort>(["age", "rate", "attempt"]);
/** In the order in which they are shown. */
const COLUMNS = ["document", "direction", "progress", "rate", "age", "attempt"] as const satisfies readonly TransferSort[];

export function Transfers({ parameters }: { parameters: URLSearchParams }) {
  const { t, f } = useText();
  const { me } = useWho();
  const { inFlight, failed } = useStore(transfers, (state) => state);
  const wanted = useMemo(() => wantedOf(parameters), [parameters]);
  const found = useMemo(() => arrangeTransfers(inFlight.values(), wanted), [inFlight, wanted]);
  const tenants = useMemo(() => [...new Set([...inFlight.values()].map((each) => each.tenant)).add(wanted.tenant)].filter((each) => each !== "").toSorted(), [inFlight, wanted.tenant]);

  const { shown, hold } = useSteady(found, idOf, `${wanted.sort}${wanted.descending}`);

  function sortBy(key: TransferSort) {
    const descending = wanted.sort === key ? !wanted.descending : DOWN_FIRST.has(key);
    setParameter("sort", `${descending ? "-" : ""}${key}`);
  }

  const columns: Column<TransferSort>[] = COLUMNS.map((key) => ({ key, title: t.transfers.columns[key], numeric: NUMERIC.has(key), sortable: true }));
  return (
    <>
      <Flows all={inFlight} />
      <section aria-labelledby="in-flight">
        <div className="section-head">
          <h2 id="in-flight">{t.transfers.inFlight}</h2>
          <p className="count-line">
            {t.transfers.shown(f.number(found.length), f.number(inFlight.size))} {t.transfers.ofProcess(me.process)}
          </p>
        </div>
        <div className="filters">
          <Search label={t.transfers.search} value={wanted.text} onChange={(text) => setParameter("q", text)} />
          <Choice
            label={t.overview.columns.tenant}
            value={wanted.tenant}
            options={[{ value: "", text: t.common.all }, ...tenants.map((value) => ({ value, text: value }))]}
            onChange={(tenant) => setParameter("tenant", tenant)}
          />
          <Choice
            label={t.transfers.columns.direction}
            value={wanted.direction}
            options={[{ value: "" as Direction | "", text: t.common.all }, ...DIRECTIONS.map((value) => ({ value, text: t.transfers.directions[value] }))]}
            onChange={(direction) => setParameter("direction", direction)}
          />
          <Choice
            label={t.common.sort}
            className="narrow-only"
            value={wanted.sort}
            options={COLUMNS.map((value) => ({ value, text: t.transfers.columns[value] }))}
            onChange={sortBy}
          />
          <Order descending={wanted.descending} onTurn={() => sortBy(wanted.sort)} />
        </div>
        {found.length === 0 ? (
          <p className="empty">{inFlight.size === 0 ? t.transfers.none : t.transfers.noneFound}</p>
        ) : (
          <LongTable
            label={t.transfers.inFlight}
            className="flight"
            columns={columns}
            count={found.length}
            rowHeight={52}
            narrowRowHeight={124}
            sort={{ by: wanted.sort, descending: wanted.descending }}
            onSort={sortBy}
            hold={hold}
            row={(index) => {
              const transfer = shown[index];
              return transfer === undefined ? null : <Row key={transfer.id} transfer={transfer} index={index} />;
            }}
          />
        )}
      </section>
      {failed.length === 0 ? null : <FailedList failed={failed} />}
    </>
  );
}

const idOf = (transfer: Transfer) => transfer.id;

function wantedOf(parameters: URLSearchParams): WantedTransfers {
  const sort = parameters.get("sort") ?? "-age";
  const descending = sort.startsWith("-");
  const key = descending ? sort.slice(1) : sort;
  return {
    text: parameters.get("q") ?? "",
    tenant: parameters.get("tenant") ?? "",
    direction: DIRECTIONS.find((each) => each === parameters.get("direction")) ?? "",
    sort: TRANSFER_SORTS.find((each) => each === key) ?? "age",
    descending,
  };
}

function Flows({ all }: { all: ReadonlyMap<number, Transfer> }) {
  const { t, f } = useText();
  const found = useMemo(() => flows(all.values()), [all]);
  return (
    <ul className="flows" aria-label={t.transfers.byDirection}>
      {DIRECTIONS.map((direction) => (
        <li key={direction} className={found[direction].transfers === 0 ? "flow zero" : "flow"}>
          <span className="total-label">{t.transfers.directions[direction]}</span>
          <span className="fact-figure">{f.number(found[direction].transfers)}</span>
          <span className="total-beside">{t.units.perSecond(f.bytes(found[direction].bytes_per_second))}</span>
        </li>
      ))}
    </ul>
  );
}

const Row = memo(function Row({ transfer, index }: { transfer: Transfer; index: number }) {
  const { t, f } = useText();
  const { bytes_done: done, bytes_total: total } = transfer;
  const words = total === undefined ? f.bytes(done) : t.transfers.of(f.bytes(done), f.bytes(total), f.percent(total === 0 ? 1 : done / total));
  const document = transfer.document === "" ? t.transfers.newDocument : transfer.document;
  return (
    <div role="row" aria-rowindex={index + 2} className="long-row">
      <span role="rowheader" className="cell cell-document">
        <span className="document" title={`${transfer.collection}/${document}`}>
          {transfer.collection}/{document}
        </span>
        <small>
          <a href={hrefs.tenant(transfer.tenant)}>{transfer.tenant}</a>
        </small>
      </span>
      <span role="cell" className="cell cell-direction">
        {t.transfers.directions[transfer.direction]}
        <small>
          {[transfer.source, transfer.target].map((party) => t.transfers.parties[party]).filter((party) => party !== "").join(" → ")}
        </small>
      </span>
      <div role="cell" className="cell cell-progress">
        <Progress label={document} done={done} total={total} words={words} />
      </div>
      <span role="cell" className="cell numeric cell-rate">
        {t.units.perSecond(f.bytes(transfer.bytes_per_second))}
      </span>
      <span role="cell" className="cell numeric cell-age">
        <Age since={transfer.started_at} />
      </span>
      <span role="cell" className={transfer.attempt > 1 ? "cell numeric cell-attempt warn" : "cell numeric cell-attempt zero"}>
        <span className="narrow-inline">{t.transfers.columns.attempt} </span>
        {f.number(transfer.attempt)}
      </span>
    </div>
  );
});

function Age({ since }: { since: string }) {
  const { f } = useText();
  useSecond();
  return <>{f.duration((serverNow() - Date.parse(since)) / 1000)}</>;
}

function FailedList({ failed }: { failed: readonly Failed[] }) {
  const { t, f } = useText();
  const columns: TitledColumn<Failed>[] = [
    { title: t.audit.at, className: "nowrap", cell: (each) => f.time(each.ended_at) },
    {
      title: t.transfers.columns.document,
      className: "break",
      cell: (each) => (
        <>
          <a href={hrefs.tenant(each.tenant)}>{each.tenant}</a>/{each.collection}/{each.document === "" ? t.transfers.newDocument : each.document}
        </>
      ),
    },
    { title: t.transfers.columns.direction, cell: (each) => t.transfers.directions[each.direction] },
    {
      title: t.transfers.columns.progress,
      className: "nowrap",
      cell: (each) => (each.bytes_total === undefined ? f.bytes(each.bytes_done) : `${f.bytes(each.bytes_done)} / ${f.bytes(each.bytes_total)}`),
    },
  ];
  return <TitledTable title={t.transfers.failed} level="h2" hint={t.transfers.failedMeans} columns={columns} rows={failed} keyOf={(each) => `${each.id}/${each.ended_at}`} />;
}
