interface Props {
  label: string;
  done: number;
  total: number | undefined;
  /** The same in words, beside the bar. */
  words: string;
}

/** How much of a whole; where nobody knows the whole, the bar says so. */
export function Progress({ label, done, total, words }: Props) {
  const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const value = share === undefined ? {} : { "aria-valuenow": Math.round(share * 100), "aria-valuemin": 0, "aria-valuemax": 100 };
  return (
    <div className="progress">
      <div className={share === undefined ? "progress-bar progress-open" : "progress-bar"} role="progressbar" aria-label={label} aria-valuetext={words} {...value}>
        {share === undefined ? null : <span style={{ width: `${(share * 100).toFixed(2)}%` }} />}
      </div>
      <span className="progress-words">{words}</span>
    </div>
  );
}
