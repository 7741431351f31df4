import { useCallback, useEffect, useRef, useState } from "react";

import { calls } from "../api/calls";
import type { RestoreRequest } from "../api/types";
import { useWho } from "./context";
import { begunPlan, toldPlan, type Plan } from "./plan";
import { Store, useStore } from "./store";

export interface Planning {
  plan: Plan | undefined;
  begin: (wish: RestoreRequest) => void;
  /** What is known of it stays. */
  stop: () => void;
  drop: () => void;
}

/** A plan as it comes, one at a time. It ends with the page. */
export function usePlan(): Planning {
  const { client } = useWho();
  const [store] = useState(() => new Store<Plan | undefined>(undefined));
  const running = useRef<AbortController>(undefined);
  const plan = useStore(store, (state) => state);

  const end = useCallback(
    (change: Partial<Plan>) => {
      const before = store.get();
      if (before?.is === "under_way") {
        store.setNow({ ...before, ...change });
      }
    },
    [store],
  );
  const stop = useCallback(() => {
    running.current?.abort();
    end({ is: "stopped" });
  }, [end]);
  const drop = useCallback(() => {
    running.current?.abort();
    store.setNow(undefined);
  }, [store]);
  const begin = useCallback(
    (wish: RestoreRequest) => {
      running.current?.abort();
      const mine = new AbortController();
      running.current = mine;
      store.setNow(begunPlan(wish));
      const isMine = () => !mine.signal.aborted;
      calls
        .plan(
          client,
          wish,
          (line) => {
            const before = store.get();
            if (isMine() && before !== undefined) {
              store.set(toldPlan(before, line));
            }
          },
          mine.signal,
        )
        .then(
          // Without its last line it is not whole.
          () => isMine() && end({ is: "broken" }),
          (error: unknown) => isMine() && end({ is: "broken", error }),
        )
        // Where a line could not be read, more of them would come still.
        .finally(() => mine.abort());
    },
    [client, store, end],
  );
  useEffect(() => () => running.current?.abort(), []);
  return { plan, begin, stop, drop };
}
