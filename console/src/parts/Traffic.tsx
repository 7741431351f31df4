import { useRef, useState } from "react";

import { calls } from "../api/calls";
import { SERVED_FROM, type Series } from "../api/types";
import { useWho } from "../state/context";
import { useResource } from "../state/resource";
import { goesOn, mergeSeries, perSecond } from "../state/series";
import { useText } from "../text";
import { Chart, type Line } from "./Chart";
import { ErrorNote } from "./ErrorNote";
import { Choice } from "./Fields";

const RANGES = ["10", "30", "60"] as const;

/** A step of the server's ring. */
const STEP_MS = 10_000;

/** Of what was added; more than is added between two requests. */
const ADDED_MINUTES = 3;
const WHOLE_MINUTES = 60;

/** One tenant's traffic at the process that answers. The whole hour once, and then what was added; the whole again where that leaves a gap. */
export function Traffic({ tenant }: { tenant: string }) {
  const { t, f } = useText();
  const { client } = useWho();
  const [minutes, setMinutes] = useState<(typeof RANGES)[number]>("30");
  const kept = useRef<Series>(undefined);

  const resource = useResource(
    `series/${tenant}`,
    async (signal) => {
      const before = kept.current;
      const added = before === undefined ? undefined : await calls.series(client, tenant, ADDED_MINUTES, signal);
      const joins = before !== undefined && added !== undefined && goesOn(before, added);
      kept.current = joins ? mergeSeries(before, added) : await calls.series(client, tenant, WHOLE_MINUTES, signal);
      return kept.current;
    },
    STEP_MS,
  );
  const series = resource.data;
  return (
    <section aria-labelledby="traffic">
      <div className="section-head">
        <h2 id="traffic">{t.traffic.title}</h2>
        <Choice label={t.traffic.range} value={minutes} options={RANGES.map((value) => ({ value, text: t.traffic.minutes(value) }))} onChange={setMinutes} />
        {series === undefined ? null : <p className="count-line">{t.traffic.ofProcess(series.process)}</p>}
      </div>
      <ErrorNote error={resource.error} onRetry={resource.reload} />
      {series === undefined ? (
        resource.loading ? <p className="loading">{t.common.loading}</p> : null
      ) : (
        <Charts series={series} steps={(Number(minutes) * 60) / series.step_seconds} rate={(value) => t.units.perSecond(f.decimal(value))} />
      )}
    </section>
  );
}

function Charts({ series, steps, rate }: { series: Series; steps: number; rate: (value: number) => string }) {
  const { t, f } = useText();
  const step = series.step_seconds;
  const end = Date.parse(series.from) + series.writes.length * step * 1000;
  const common = { end, step, steps };
  const byHolder = (rows: Record<string, (number | null)[]>, prefix = ""): Line[] =>
    SERVED_FROM.filter((holder) => rows[holder] !== undefined).map((holder) => ({ key: `${prefix}${holder}`, name: t.traffic.from[holder], values: rows[holder] ?? [] }));
  const requests: Line[] = [
    ...SERVED_FROM.map((holder) => ({ key: holder, name: t.traffic.from[holder], values: perSecond(series.requests[holder], step) })),
    { key: "writes", name: t.traffic.writes, values: perSecond(series.writes, step) },
  ];
  const faults: Line[] = [
    { key: "fallbacks", name: t.traffic.fallbacks, values: series.fallbacks },
    { key: "mismatches", name: t.traffic.mismatches, values: series.mismatches },
    { key: "errors", name: t.traffic.errors, values: series.errors },
  ];
  return (
    <div className="charts">
      <Chart title={t.traffic.requests} lines={requests} format={rate} fold="mean" {...common} />
      <Chart title={t.traffic.p95} lines={byHolder(series.p95_seconds)} format={f.latency} fold="most" {...common} />
      <Chart title={t.traffic.p50} lines={byHolder(series.p50_seconds)} format={f.latency} fold="most" {...common} />
      <Chart title={t.traffic.faults} lines={faults} format={(value) => (Number.isInteger(value) ? f.number(value) : f.decimal(value))} fold="sum" {...common} />
      <Chart title={t.traffic.copied} lines={[{ key: "copied", name: t.traffic.documents, values: perSecond(series.copied_documents, step) }]} format={rate} fold="mean" {...common} />
      <Chart
        title={t.traffic.copiedBytes}
        lines={[{ key: "copied", name: t.traffic.bytes, values: perSecond(series.copied_bytes, step) }]}
        format={(value) => t.units.perSecond(f.bytes(value))}
        fold="mean"
        binary
        {...common}
      />
    </div>
  );
}
