import { useCallback, useEffect, useLayoutEffect, useState, type RefObject } from "react";

/** Rows above and below what is seen, so that neither a quick scroll nor the Tab key meets a gap. */
const OVERSCAN = 8;

/** Which of `count` rows of one height are in sight, as the page scrolls. */
export function useWindow(ref: RefObject<HTMLElement | null>, count: number, height: number): { first: number; last: number } {
  const [range, setRange] = useState({ first: 0, last: Math.min(count, 40) });

  const look = useCallback(() => {
    const top = ref.current?.getBoundingClientRect().top ?? 0;
    const first = Math.max(0, Math.floor(-top / height) - OVERSCAN);
    const last = Math.min(count, Math.ceil((window.innerHeight - top) / height) + OVERSCAN);
    setRange((before) => (before.first === first && before.last === last ? before : { first, last: Math.max(first, last) }));
  }, [ref, count, height]);

  useLayoutEffect(look, [look]);
  useEffect(() => {
    window.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      window.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [look]);
  return { first: Math.min(range.first, count), last: Math.min(range.last, count) };
}
