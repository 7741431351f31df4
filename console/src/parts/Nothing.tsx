/** A dash for the eye, and what it means for the ear. Where there are no columns, nothing is seen in its place. */
export function Nothing({ words, className = "" }: { words: string; className?: string }) {
  return (
    <span className={`none ${className}`}>
      <span aria-hidden="true">–</span>
      <span className="unseen">{words}</span>
    </span>
  );
}
