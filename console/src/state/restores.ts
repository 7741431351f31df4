import type { RestoreFigures, RestoreView } from "../api/types";

/** A restore with all its collections. */
export interface Restore {
  number: number;
  instant: string;
  /** `<collection>/<id>`; absent: all. */
  document: string | undefined;
  into: string | undefined;
  startedAt: string;
  /** Absent while one of the collections is under way. */
  endedAt: string | undefined;
  figures: RestoreFigures;
  /** Why collections were not done to the end. */
  stopped: string[];
  undoneBy: string;
}

/** A part for each collection, as the server tells them, put together, the newest first. */
export function restoresOf(parts: readonly RestoreView[]): Restore[] {
  const found = new Map<number, RestoreView[]>();
  for (const part of parts) {
    found.set(part.number, [...(found.get(part.number) ?? []), part]);
  }
  return [...found.values()].flatMap(whole).toSorted((a, b) => b.number - a.number);
}

function whole(parts: RestoreView[]): Restore[] {
  const [first] = parts;
  if (first === undefined) {
    return [];
  }
  const ends = parts.flatMap((part) => part.ended_at ?? []).toSorted((a, b) => Date.parse(a) - Date.parse(b));
  return [
    {
      number: first.number,
      instant: first.instant,
      document: first.document === undefined ? undefined : `${first.collection}/${first.document}`,
      into: first.into,
      startedAt: first.started_at,
      endedAt: ends.length === parts.length ? ends.at(-1) : undefined,
      figures: parts.map((part) => part.figures).reduce(sum),
      stopped: [...new Set(parts.flatMap((part) => part.stopped ?? []))],
      undoneBy: first.undone_by,
    },
  ];
}

function sum(a: RestoreFigures, b: RestoreFigures): RestoreFigures {
  return {
    looked_at: a.looked_at + b.looked_at,
    restored: a.restored + b.restored,
    restored_bytes: a.restored_bytes + b.restored_bytes,
    removed: a.removed + b.removed,
    doubtful: a.doubtful + b.doubtful,
    dealt: a.dealt + b.dealt,
    marked: a.marked + b.marked,
    barred: a.barred + b.barred,
    failed: a.failed + b.failed,
  };
}
