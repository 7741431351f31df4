/** The course of one figure, beside that figure in words: it has no text of its own. */
export function Sparkline({ values }: { values: number[] }) {
  const shown = values.slice(-120);
  const most = Math.max(...shown, 0);
  if (shown.length < 2 || most === 0) {
    return null;
  }
  const points = shown.map((value, index) => `${((index / (shown.length - 1)) * 100).toFixed(1)},${(23 - (value / most) * 21).toFixed(1)}`);
  return (
    <svg className="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <polyline points={points.join(" ")} />
    </svg>
  );
}
