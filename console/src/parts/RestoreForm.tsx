import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode, type RefObject } from "react";

import { calls } from "../api/calls";
import type { RestoreAnswer, RestoreRequest } from "../api/types";
import { useWho } from "../state/context";
import { inZone, wishOf, type Draft } from "../state/draft";
import { instantOf, inUtc, ZONES, zoneHere } from "../state/instant";
import { fleet } from "../state/live";
import { isRestorable, type Plan } from "../state/plan";
import { useStore } from "../state/store";
import { useAction } from "../state/useAction";
import type { Planning } from "../state/usePlan";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { PlanView } from "./PlanView";
import { Refused } from "./Refused";

interface Props {
  tenant: string;
  heading: RefObject<HTMLHeadingElement | null>;
  draft: Draft;
  planning: Planning;
  onEdit: (draft: Draft) => void;
  onBegun: () => void;
}

/** Back to an instant: what is wanted, what it would come to, and then, by the name of the tenant that is written to, the restore itself. */
export function RestoreForm({ tenant, heading, draft, planning, onEdit, onBegun }: Props) {
  const { t } = useText();
  const { client } = useWho();
  const [asked, setAsked] = useState<RestoreRequest>();
  const [refused, setRefused] = useState<RestoreAnswer>();
  const [run, busy] = useAction();
  const { plan } = planning;
  const isReady = plan !== undefined && isRestorable(plan);
  const planner = useRef<HTMLButtonElement>(null);
  const id = useId();
  const isUnderWay = plan?.is === "under_way";

  // The button that stops a plan goes with it, and the focus would go, too.
  useEffect(() => {
    if (!isUnderWay && plan !== undefined && document.activeElement === document.body) {
      planner.current?.focus();
    }
  }, [isUnderWay, plan]);

  function begin(wish: RestoreRequest) {
    void run(
      () => calls.restore(client, wish),
      (answer) => {
        setAsked(undefined);
        if (answer.outcome === "blocked" || answer.number === null) {
          setRefused(answer);
          return undefined;
        }
        onBegun();
        return t.restore.begun(tenant, answer.number);
      },
    );
  }

  return (
    <section aria-labelledby={id}>
      <h2 id={id} ref={heading} tabIndex={-1}>
        {t.restore.title}
      </h2>
      <p className="hint">{t.restore.what}</p>
      <div className="panels panels-restore">
        <Form
          tenant={tenant}
          draft={draft}
          planner={planner}
          onEdit={(next) => {
            setRefused(undefined);
            onEdit(next);
          }}
          onPlan={(wish) => {
            setRefused(undefined);
            planning.begin(wish);
          }}
        >
          {isUnderWay ? (
            <button type="button" onClick={planning.stop}>
              {t.restore.stop}
            </button>
          ) : null}
          <button type="button" className="danger" disabled={busy || !isReady} onClick={() => setAsked(plan?.wish)}>
            {t.restore.execute}
          </button>
          {isReady ? null : <span className="hint">{t.restore.planFirst}</span>}
        </Form>
        <div className="panel">
          {refused === undefined ? null : <Refused title={t.restore.refused} blockers={refused.blockers} />}
          <PlanView plan={plan} />
        </div>
      </div>
      {asked === undefined || plan === undefined ? null : (
        <Ask tenant={tenant} plan={plan} busy={busy} onConfirm={() => begin(asked)} onClose={() => setAsked(undefined)} />
      )}
    </section>
  );
}

interface FormProps {
  tenant: string;
  draft: Draft;
  planner: RefObject<HTMLButtonElement | null>;
  onEdit: (draft: Draft) => void;
  onPlan: (wish: RestoreRequest) => void;
  /** What stands beside the button that plans. */
  children: ReactNode;
}

function Form({ tenant, draft, planner, onEdit, onPlan, children }: FormProps) {
  const { t } = useText();
  const id = useId();
  const tenants = useStore(fleet, (state) => state?.tenants);
  const others = [...(tenants?.keys() ?? [])].filter((each) => each !== tenant).toSorted();
  const wish = wishOf(tenant, draft);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (wish !== undefined) {
      onPlan(wish);
    }
  }

  return (
    <form className="panel restore-form" onSubmit={submit}>
      <div className="tall">
        <label htmlFor={`${id}-at`}>{t.restore.at}</label>
        <span className="restore-at">
          <input id={`${id}-at`} type="datetime-local" step="0.001" required aria-describedby={`${id}-told`} value={draft.at} onChange={(event) => onEdit({ ...draft, at: event.target.value })} />
          <select aria-label={t.restore.zone} value={draft.zone} onChange={(event) => onEdit(inZone(draft, event.target.value === "utc" ? "utc" : "local"))}>
            {ZONES.map((zone) => (
              <option key={zone} value={zone}>
                {zone === "utc" ? t.restore.utc : zoneHere()}
              </option>
            ))}
          </select>
        </span>
        <p id={`${id}-told`} className="hint">
          <Told draft={draft} />
        </p>
      </div>
      <div className="tall">
        <label htmlFor={`${id}-document`}>{t.restore.document}</label>
        <input
          id={`${id}-document`}
          value={draft.document}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          aria-describedby={`${id}-one`}
          onChange={(event) => onEdit({ ...draft, document: event.target.value })}
        />
        <p id={`${id}-one`} className="hint">
          {t.restore.documentHint}
        </p>
      </div>
      {others.length === 0 ? null : (
        <div className="tall">
          <label htmlFor={`${id}-into`}>{t.restore.into}</label>
          <select id={`${id}-into`} value={draft.into} aria-describedby={`${id}-whom`} onChange={(event) => onEdit({ ...draft, into: event.target.value })}>
            <option value="">{t.restore.itself(tenant)}</option>
            {others.map((other) => (
              <option key={other} value={other}>
                {other}
              </option>
            ))}
          </select>
          <p id={`${id}-whom`} className="hint">
            {t.restore.intoHint(tenant)}
          </p>
        </div>
      )}
      <div className="actions">
        <button ref={planner} type="submit" className="primary" disabled={wish === undefined}>
          {t.restore.plan}
        </button>
        {children}
      </div>
    </form>
  );
}

/** What the field for date and time comes to. */
function Told({ draft }: { draft: Draft }) {
  const { t } = useText();
  const instant = instantOf(draft.at, draft.zone);
  switch (instant?.comes) {
    case undefined:
      return t.restore.noInstant;
    case "once":
      return t.restore.inUtc(inUtc(instant?.at ?? 0));
    case "twice":
      return <b className="warn">{t.restore.twice(inUtc(instant?.at ?? 0))}</b>;
    case "never":
      return <b className="bad">{t.restore.never}</b>;
  }
}

interface AskProps {
  tenant: string;
  plan: Plan;
  busy: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

function Ask({ tenant, plan, busy, onConfirm, onClose }: AskProps) {
  const { t, f } = useText();
  const { at, document, into } = plan.wish;
  const { restored, restored_bytes: bytes, removed } = plan.totals;
  return (
    <Confirm
      title={into === undefined ? t.restore.ask(document ?? tenant) : t.restore.askInto(document ?? tenant, into)}
      confirm={t.restore.doIt}
      danger
      typed={into ?? tenant}
      busy={busy}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <p>{t.restore.means(f.dateTime(at), inUtc(at))}</p>
      <p>{t.restore.restored(restored, f.number(restored), f.bytes(bytes))}</p>
      {removed === 0 ? null : <p>{t.restore.removed(removed, f.number(removed))}</p>}
      <p className="note note-warn">{into === undefined ? t.restore.wayBack : t.restore.wayBackInto(into)}</p>
    </Confirm>
  );
}
