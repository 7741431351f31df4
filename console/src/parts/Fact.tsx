interface Props {
  label: string;
  figure: string;
  beside: string;
}

/** A figure with its name and what it comes with. */
export function Fact({ label, figure, beside }: Props) {
  return (
    <div className="fact">
      <p className="total-label">{label}</p>
      <p className="fact-figure">{figure}</p>
      <p className="total-beside">{beside}</p>
    </div>
  );
}
