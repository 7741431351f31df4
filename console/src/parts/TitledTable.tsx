import { useId, type Key, type ReactNode } from "react";

import { ScrollX } from "./ScrollX";

/** One column of a table: its title, and what stands there in each row. */
export interface TitledColumn<T> {
  title: string;
  cell: (row: T) => ReactNode;
  /** The row goes by what stands here. */
  heads?: boolean;
  numeric?: boolean;
  className?: string;
  /** Stands out in this row. */
  bad?: (row: T) => boolean;
}

interface Props<T> {
  title: string;
  level: "h2" | "h3";
  hint?: string;
  /** In the place of a table that has no rows. */
  none?: string;
  /** On a narrow page each row is a card, with the columns' titles in it. */
  cards?: boolean;
  columns: readonly TitledColumn<T>[];
  rows: readonly T[];
  keyOf: (row: T) => Key;
}

/** A table with a heading, in a section that goes by it. */
export function TitledTable<T>({ title, level: Heading, hint, none, cards = false, columns, rows, keyOf }: Props<T>) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <Heading id={id}>{title}</Heading>
      {hint === undefined ? null : <p className="hint">{hint}</p>}
      {rows.length === 0 ? (
        <p className="empty">{none}</p>
      ) : (
        <ScrollX label={title}>
          <table className={cards ? "plain cards" : "plain"}>
            <caption className="unseen">{title}</caption>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column.title} scope="col" className={column.numeric ? "numeric" : undefined}>
                    {column.title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={keyOf(row)}>{columns.map((column) => cellOf(column, row, cards))}</tr>
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
    </section>
  );
}

function cellOf<T>(column: TitledColumn<T>, row: T, cards: boolean) {
  const label = cards ? <span className="cell-label">{column.title}</span> : null;
  if (column.heads) {
    return (
      <th key={column.title} scope="row" className={column.className}>
        {label}
        {column.cell(row)}
      </th>
    );
  }
  const classes = [column.numeric ? "numeric" : "", column.className ?? "", column.bad?.(row) ? "bad" : ""].filter((name) => name !== "");
  return (
    <td key={column.title} className={classes.length === 0 ? undefined : classes.join(" ")}>
      {label}
      {column.cell(row)}
    </td>
  );
}
