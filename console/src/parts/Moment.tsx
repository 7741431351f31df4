import { inUtc } from "../state/instant";
import { useText } from "../text";

/** An instant to the second in the browser's zone, and to the millisecond in UTC below it: that is what one goes back to. */
export function Moment({ at }: { at: string }) {
  const { f } = useText();
  return (
    <time dateTime={at} className="moment">
      {f.dateTime(at)}
      <small className="block">{inUtc(at)}</small>
    </time>
  );
}
