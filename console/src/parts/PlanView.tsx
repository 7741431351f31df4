import type { PlannedDocument } from "../api/types";
import { inUtc } from "../state/instant";
import { SHOWN, type Plan } from "../state/plan";
import { useText } from "../text";
import { ErrorNote } from "./ErrorNote";
import { Progress } from "./Progress";
import { ScrollX } from "./ScrollX";

/** What a restore would do, as far as it is known. */
export function PlanView({ plan }: { plan: Plan | undefined }) {
  const { t, f } = useText();
  return (
    <>
      <h3 className="first">{t.restore.planTitle}</h3>
      {plan === undefined ? null : <p>{t.restore.planOf(f.dateTime(plan.wish.at), inUtc(plan.wish.at))}</p>}
      {/* Told as it changes; the figures, which change all the time, are not. */}
      <p role="status" className="hint">
        {plan === undefined ? t.restore.noPlan : t.restore.planIs[plan.is]}
      </p>
      {plan === undefined ? null : <Found plan={plan} />}
    </>
  );
}

function Found({ plan }: { plan: Plan }) {
  const { t, f } = useText();
  const { blockers, documents, named, totals, lookedAt } = plan;
  const words = t.restore.lookedAt(lookedAt, f.number(lookedAt));
  return (
    <>
      <ErrorNote error={plan.error} />
      {blockers.length === 0 ? null : (
        <div className="note note-bad">
          <p>{t.restore.blocked}</p>
          <ul lang="en">
            {blockers.map((blocker) => (
              <li key={blocker}>{blocker}</li>
            ))}
          </ul>
        </div>
      )}
      {plan.is === "under_way" ? <Progress label={t.restore.planTitle} done={lookedAt} total={undefined} words={words} /> : null}
      {plan.is === "under_way" || lookedAt === 0 ? null : <p className="hint">{words}</p>}
      <ul className="planned">
        {totals.restored === 0 ? null : <li>{t.restore.restored(totals.restored, f.number(totals.restored), f.bytes(totals.restored_bytes))}</li>}
        {totals.removed === 0 ? null : <li>{t.restore.removed(totals.removed, f.number(totals.removed))}</li>}
        {totals.left === 0 ? null : <li className="bad">{t.restore.left(totals.left, f.number(totals.left))}</li>}
        {totals.doubtful === 0 ? null : <li className="warn">{t.restore.doubtful(f.number(totals.doubtful))}</li>}
        {plan.is === "whole" && named === 0 ? <li>{t.restore.nothing}</li> : null}
      </ul>
      {documents.length === 0 ? null : <Documents documents={documents} />}
      {named > SHOWN ? <p className="hint">{t.restore.first(f.number(documents.length), f.number(named))}</p> : null}
    </>
  );
}

function Documents({ documents }: { documents: PlannedDocument[] }) {
  const { t, f } = useText();
  return (
    <ScrollX label={t.restore.documents}>
      <table className="plain cards">
        <caption className="unseen">{t.restore.documents}</caption>
        <thead>
          <tr>
            <th scope="col">{t.versions.document}</th>
            <th scope="col">{t.restore.becomes}</th>
            <th scope="col" className="numeric">{t.restore.size}</th>
          </tr>
        </thead>
        <tbody>
          {documents.map((planned) => (
            <tr key={`${planned.collection}/${planned.document}`}>
              <th scope="row" className="break">
                {planned.collection}/{planned.document}
              </th>
              <td>
                <Becomes planned={planned} />
              </td>
              <td className="numeric">{planned.action === "restore" ? f.bytes(planned.bytes) : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

function Becomes({ planned: { action, stamp, doubtful, reason } }: { planned: PlannedDocument }) {
  const { t } = useText();
  return (
    <>
      {t.restore.actions[action]}
      {doubtful ? <span className="tag tag-wish">{t.restore.inDoubt}</span> : null}
      {action === "restore" ? <small className="block">{stamp === undefined ? t.restore.current : t.restore.version(stamp)}</small> : null}
      {reason === undefined ? null : (
        <span className="server-says block" lang="en">
          {reason}
        </span>
      )}
    </>
  );
}
