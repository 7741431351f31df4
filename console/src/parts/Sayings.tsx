import { sayings, unsay } from "../state/say";
import { useStore } from "../state/store";
import { useText } from "../text";

/** Always in the document: screen readers hear only what is put into a region that they know. */
export function Sayings() {
  const { t } = useText();
  const all = useStore(sayings, (state) => state);
  return (
    <div className="sayings">
      <div role="status" aria-live="polite">
        {all.filter((each) => each.tone === "done").map((each) => <p key={each.id} className="saying">{each.text}</p>)}
      </div>
      <div role="alert" aria-live="assertive">
        {all.filter((each) => each.tone === "failed").map((each) => (
          <p key={each.id} className="saying saying-failed">
            {each.text}
            <button type="button" className="quiet" onClick={() => unsay(each.id)}>
              {t.common.close}
            </button>
          </p>
        ))}
      </div>
    </div>
  );
}
