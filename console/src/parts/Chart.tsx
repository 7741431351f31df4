import { useId, useState, type PointerEvent } from "react";

import { lastOf, roundUp } from "../state/series";
import { useText } from "../text";

export interface Line {
  key: string;
  name: string;
  values: (number | null)[];
}

interface Props {
  title: string;
  lines: Line[];
  /** When the step after the last one begins. */
  end: number;
  step: number;
  /** How many steps are shown. */
  steps: number;
  format: (value: number) => string;
  /** How several steps are made one in the table. */
  fold: "mean" | "most" | "sum";
  /** Bytes: the scale is round in powers of two. */
  binary?: boolean;
}

const WIDTH = 600;
const HEIGHT = 120;
/** Steps of ten seconds in one line of the table. */
const FOLDED = 30;

/** Lines over time. The legend tells the figures under the pointer, else the last ones; the same is there as a table. */
export function Chart({ title, lines, end, step, steps, format, fold, binary = false }: Props) {
  const { t, f } = useText();
  const [at, setAt] = useState<number>();
  const id = useId();
  const shown = lines.map((line) => ({ ...line, values: lastOf(line.values, steps) }));
  const length = Math.max(1, ...shown.map((line) => line.values.length));
  const most = Math.max(0, ...shown.flatMap((line) => line.values.map((value) => value ?? 0)));
  const top = roundUp(most, binary);
  const begin = end - length * step * 1000;
  const pointed = at === undefined ? length - 1 : Math.min(at, length - 1);

  function point(event: PointerEvent<SVGSVGElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(Math.max(0, Math.min(length - 1, Math.floor(((event.clientX - box.left) / box.width) * length))));
  }

  const words = shown.map((line) => t.chart.words(line.name, figure(line.values.at(-1), format), format(highest(line.values)))).join(" ");
  return (
    <figure className="chart" aria-labelledby={id}>
      <figcaption>
        <h3 id={id}>{title}</h3>
        <ul className="chart-legend">
          <li className="chart-at">{at === undefined ? t.chart.now : f.time(begin + pointed * step * 1000)}:</li>
          {shown.map((line) => (
            <li key={line.key}>
              <svg className={`chart-key line-${line.key}`} viewBox="0 0 18 6" width="18" height="6" aria-hidden="true" focusable="false">
                <path d="M0 3h18" />
              </svg>
              {line.name} <b>{figure(line.values[pointed], format)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div className="chart-plot">
        <div className="chart-scale" aria-hidden="true">
          <span>{format(top)}</span>
          <span>{format(top / 2)}</span>
          <span>{format(0)}</span>
        </div>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words} onPointerMove={point} onPointerLeave={() => setAt(undefined)}>
          <path className="chart-grid" d={`M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
          {shown.map((line) => (
            <path key={line.key} className={`line line-${line.key}`} d={pathOf(line.values, length, top)} />
          ))}
          {at === undefined ? null : <path className="chart-cursor" d={`M${(((pointed + 0.5) / length) * WIDTH).toFixed(1)} 0V${HEIGHT}`} />}
        </svg>
        <div className="chart-times" aria-hidden="true">
          <span>{f.clock(begin)}</span>
          <span>{f.clock((begin + end) / 2)}</span>
          <span>{f.clock(end)}</span>
        </div>
      </div>
      <details>
        <summary>{t.chart.table}</summary>
        <Table title={title} lines={shown} begin={begin} step={step} length={length} format={format} fold={fold} />
      </details>
    </figure>
  );
}

const figure = (value: number | null | undefined, format: (value: number) => string) => (value === null || value === undefined ? "–" : format(value));

const highest = (values: (number | null)[]) => values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);

/** A gap where nothing is known. */
function pathOf(values: (number | null)[], length: number, top: number): string {
  let path = "";
  let drawing = false;
  // A row that is shorter ends at the same time as the others.
  const lead = length - values.length;
  values.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const x = (((index + lead + 0.5) / length) * WIDTH).toFixed(1);
    const y = (HEIGHT - (value / top) * (HEIGHT - 2) - 1).toFixed(1);
    // A figure between two gaps is a dot: a line of no length with a round end.
    path += drawing ? `L${x} ${y}` : `M${x} ${y}h0`;
    drawing = true;
  });
  return path;
}

interface TableProps {
  title: string;
  lines: Line[];
  begin: number;
  step: number;
  length: number;
  format: (value: number) => string;
  fold: Props["fold"];
}

function Table({ title, lines, begin, step, length, format, fold }: TableProps) {
  const { t, f } = useText();
  const rows: number[] = [];
  for (let first = 0; first < length; first += FOLDED) {
    rows.push(first);
  }
  return (
    <table className="plain">
      <caption className="unseen">{title}</caption>
      <thead>
        <tr>
          <th scope="col">{t.chart.from}</th>
          {lines.map((line) => (
            <th key={line.key} scope="col" className="numeric">
              {line.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((first) => (
          <tr key={first}>
            <th scope="row">{f.time(begin + first * step * 1000)}</th>
            {lines.map((line) => (
              <td key={line.key} className="numeric">
                {figure(folded(line.values.slice(first, first + FOLDED), fold), format)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function folded(values: (number | null)[], fold: Props["fold"]): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) {
    return null;
  }
  const sum = known.reduce((all, value) => all + value, 0);
  switch (fold) {
    case "sum":
      return sum;
    case "mean":
      return sum / known.length;
    case "most":
      return Math.max(...known);
  }
}
