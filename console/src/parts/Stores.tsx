import type { StoreSummary } from "../api/types";
import { useText } from "../text";

const SIDES = ["sql", "object"] as const;
const STATES = ["out", "slow", "unknown", "ok"] as const;

/** Health of both sides. Stores that are well are counted; every other one is named. */
export function Stores({ stores }: { stores: StoreSummary[] }) {
  const { t } = useText();
  return (
    <section aria-labelledby="stores" className="stores">
      <h2 id="stores" className="unseen">
        {t.stores.title}
      </h2>
      {SIDES.map((kind) => (
        <Side key={kind} kind={kind} stores={stores.filter((store) => store.kind === kind)} />
      ))}
    </section>
  );
}

function Side({ kind, stores }: { kind: StoreSummary["kind"]; stores: StoreSummary[] }) {
  const { t, f } = useText();
  const unwell = stores.filter((store) => store.state !== "ok");
  const inFlight = stores.reduce((sum, store) => sum + store.in_flight, 0);
  const slowest = stores.reduce<number | undefined>((most, store) => (store.p95_seconds === undefined ? most : Math.max(most ?? 0, store.p95_seconds)), undefined);
  const worst = unwell.some((store) => store.state === "out") ? "out" : unwell.some((store) => store.state === "slow") ? "slow" : stores.length > unwell.length ? "ok" : "unknown";
  return (
    <div className={`store-side store-${worst}`}>
      <p className="store-line">
        <b>{t.stores.side[kind]}</b>
        <span>{t.stores.count(stores.length, f.number(stores.length))}</span>
        {STATES.map((state) => {
          const count = stores.filter((store) => store.state === state).length;
          const shown = state === "ok" ? unwell.length === 0 && count > 0 : count > 0;
          return shown ? (
            <StateMark key={state} state={state}>
              {state === "ok" ? "" : f.number(count)}
            </StateMark>
          ) : null;
        })}
        <span className="store-figures">
          {t.stores.inFlight(f.number(inFlight))}
          {slowest === undefined ? null : ` · ${t.stores.p95(f.latency(slowest))}`}
        </span>
      </p>
      {unwell.length === 0 ? null : (
        <ul>
          {unwell.slice(0, 8).map((store) => (
            <li key={store.store}>
              <StateMark state={store.state} /> <code>{store.store}</code> {t.stores.tenants(store.tenant_count, f.number(store.tenant_count), store.tenants.join(", "))}
              {store.text === undefined ? null : (
                <span lang="en" className="server-says">
                  {" "}
                  {store.text}
                </span>
              )}
            </li>
          ))}
          {unwell.length > 8 ? <li>{t.stores.more(f.number(unwell.length - 8))}</li> : null}
        </ul>
      )}
    </div>
  );
}

function StateMark({ state, children = "" }: { state: StoreSummary["state"]; children?: string }) {
  const { t } = useText();
  return (
    <span className={`state state-${state}`}>
      <span className="dot" aria-hidden="true" />
      {children === "" ? null : `${children} `}
      {t.stores.state[state]}
    </span>
  );
}
