import { useCallback, useState } from "react";

import { useText } from "../text";
import { explain } from "../text/explain";
import { changed } from "./resource";
import { say } from "./say";

/** Carries out one thing at a time, and says how it ended. `done` makes the sentence of the answer. */
export function useAction(): [run: <T>(act: () => Promise<T>, done: (answer: T) => string | undefined) => Promise<T | undefined>, busy: boolean] {
  const { t } = useText();
  const [busy, setBusy] = useState(false);
  const run = useCallback(
    async <T>(act: () => Promise<T>, done: (answer: T) => string | undefined) => {
      setBusy(true);
      try {
        const answer = await act();
        const sentence = done(answer);
        if (sentence !== undefined) {
          say(sentence);
        }
        changed();
        return answer;
      } catch (error) {
        say(explain(error, t), "failed");
        return undefined;
      } finally {
        setBusy(false);
      }
    },
    [t],
  );
  return [run, busy];
}
