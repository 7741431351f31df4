import { useRef, type ReactNode } from "react";

import { useNarrow } from "./useNarrow";
import { useWindow } from "./useWindow";

export interface Column<K extends string> {
  key: K;
  title: string;
  numeric?: boolean;
  /** Columns that cannot be sorted by have none. */
  sortable?: boolean;
}

interface Props<K extends string> {
  label: string;
  className: string;
  columns: readonly Column<K>[];
  count: number;
  rowHeight: number;
  narrowRowHeight: number;
  sort?: { by: string; descending: boolean };
  onSort?: (key: K) => void;
  /** What keeps the order while the pointer is over the table. */
  hold: { onPointerEnter: () => void; onPointerLeave: () => void };
  /** One row: an element with `role="row"`, made by `LongRow`. */
  row: (index: number) => ReactNode;
}

/** A table of any length, of which only the rows in sight are in the document. */
export function LongTable<K extends string>({ label, className, columns, count, rowHeight, narrowRowHeight, sort, onSort, hold, row }: Props<K>) {
  const body = useRef<HTMLDivElement>(null);
  const narrow = useNarrow();
  const height = narrow ? narrowRowHeight : rowHeight;
  const { first, last } = useWindow(body, count, height);
  const rows: ReactNode[] = [];
  for (let index = first; index < last; index += 1) {
    rows.push(row(index));
  }
  return (
    <div role="table" aria-label={label} aria-rowcount={count + 1} className={`long ${className}`}>
      <div role="rowgroup" className="long-head">
        <div role="row" aria-rowindex={1} className="long-row">
          {columns.map((column) => (
            <Head key={column.key} column={column} sort={sort} onSort={narrow ? undefined : onSort} />
          ))}
        </div>
      </div>
      <div role="rowgroup" ref={body} className="long-body" style={{ height: count * height }} {...hold}>
        <div role="presentation" style={{ transform: `translateY(${first * height}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

interface HeadProps<K extends string> {
  column: Column<K>;
  sort: { by: string; descending: boolean } | undefined;
  /** Where the heads are not seen, the order is chosen elsewhere. */
  onSort: ((key: K) => void) | undefined;
}

function Head<K extends string>({ column, sort, onSort }: HeadProps<K>) {
  const className = column.numeric ? "cell numeric" : "cell";
  if (!column.sortable || onSort === undefined) {
    return (
      <span role="columnheader" aria-sort={sortOf(column, sort)} className={className}>
        {column.title}
      </span>
    );
  }
  const sorted = sort?.by === column.key;
  return (
    <span role="columnheader" aria-sort={sortOf(column, sort)} className={className}>
      <button type="button" className="sorter" onClick={() => onSort(column.key)}>
        {column.title}
        <span aria-hidden="true" className="sort-mark">
          {sorted ? (sort.descending ? "▼" : "▲") : ""}
        </span>
      </button>
    </span>
  );
}

function sortOf(column: Column<string>, sort: { by: string; descending: boolean } | undefined): "ascending" | "descending" | "none" | undefined {
  if (!column.sortable) {
    return undefined;
  }
  if (sort?.by !== column.key) {
    return "none";
  }
  return sort.descending ? "descending" : "ascending";
}
