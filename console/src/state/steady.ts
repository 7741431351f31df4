/**
 * The same things in the order that they had before: what is gone leaves, what is new comes last. For lists that are sorted by figures that
 * change, while somebody is about to click in them.
 */
export function steadied<T, K>(found: readonly T[], before: readonly K[], keyOf: (each: T) => K): T[] {
  const places = new Map(before.map((key, place) => [key, place]));
  const last = before.length;
  return found.toSorted((a, b) => (places.get(keyOf(a)) ?? last) - (places.get(keyOf(b)) ?? last));
}
