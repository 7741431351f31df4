import { HOLDERS, type HeldBy } from "../api/types";
import { shares, type Shares } from "../state/summaries";
import { useText } from "../text";
import { Nothing } from "./Nothing";

interface Props {
  held: HeldBy;
  /** Whether a sweep has counted: no documents is then a figure, too. */
  counted: boolean;
  /** Whether the database has answered: until then nothing is known, not even that nothing was counted. */
  answered: boolean;
}

/** Documents and bytes by holder: two bars, and the same in words. */
export function HeldBar({ held, counted, answered }: Props) {
  const { t, f } = useText();
  const documents = shares(held, "documents");
  const bytes = shares(held, "bytes");
  if (documents.total === 0 && !counted && !answered) {
    return <Nothing className="held held-none" words={t.phase.unknown} />;
  }
  if (documents.total === 0) {
    return <span className="held held-none">{counted ? t.held.empty : t.held.none}</span>;
  }
  const words = (of: Shares) => HOLDERS.map((holder) => `${t.held.short[holder]} ${f.percent(of[holder])}`).join(", ");
  const told = t.held.words(words(documents), words(bytes));
  return (
    <span className="held">
      <span className="held-bars" aria-hidden="true" title={told}>
        <Bar of={documents} />
        <Bar of={bytes} thin />
      </span>
      <span className="held-words" aria-hidden="true">
        {HOLDERS.filter((holder) => documents[holder] > 0).map((holder) => (
          <span key={holder}>
            {t.held.short[holder]} <b>{f.percent(documents[holder])}</b>
          </span>
        ))}
      </span>
      <span className="unseen">{told}</span>
    </span>
  );
}

function Bar({ of, thin }: { of: Shares; thin?: boolean }) {
  return (
    <span className={thin ? "bar bar-thin" : "bar"}>
      {HOLDERS.map((holder) => (of[holder] > 0 ? <span key={holder} className={`part part-${holder}`} style={{ flexGrow: of[holder] }} /> : null))}
    </span>
  );
}
