import type { PlanLine, PlannedDocument, PlanTotals, RestoreRequest } from "../api/types";

/** Documents of a plan that are shown, and held: the first ones. Of the others only the figures are kept. */
export const SHOWN = 200;

export interface Plan {
  /** What it is a plan of. */
  wish: RestoreRequest;
  /** Only a whole one tells what the restore comes to. */
  is: "under_way" | "whole" | "stopped" | "broken";
  blockers: string[];
  documents: PlannedDocument[];
  /** How many documents it has named, shown or not. */
  named: number;
  lookedAt: number;
  /** So far; of all once it is whole. */
  totals: PlanTotals;
  /** Why it broke off, where the server said so. */
  error?: unknown;
}

export const begunPlan = (wish: RestoreRequest): Plan => ({
  wish,
  is: "under_way",
  blockers: [],
  documents: [],
  named: 0,
  lookedAt: 0,
  totals: { restored: 0, restored_bytes: 0, removed: 0, left: 0, doubtful: 0 },
});

export function toldPlan(plan: Plan, line: PlanLine): Plan {
  const { blockers = plan.blockers, document, looked_at: lookedAt = plan.lookedAt, totals } = line;
  if (totals !== undefined) {
    return { ...plan, is: "whole", totals };
  }
  if (document === undefined) {
    return { ...plan, blockers, lookedAt };
  }
  const documents = plan.documents.length < SHOWN ? [...plan.documents, document] : plan.documents;
  return { ...plan, documents, named: plan.named + 1, totals: added(plan.totals, document) };
}

/** As the server counts. */
function added(totals: PlanTotals, { action, bytes, doubtful, reason }: PlannedDocument): PlanTotals {
  const isRestored = action === "restore";
  return {
    restored: totals.restored + Number(isRestored),
    restored_bytes: totals.restored_bytes + (isRestored ? bytes : 0),
    removed: totals.removed + Number(action === "remove"),
    left: totals.left + Number(action === "stay" && reason !== undefined),
    doubtful: totals.doubtful + Number(doubtful),
  };
}

/** Whether there is something to be done, and nothing against it. */
export const isRestorable = (plan: Plan): boolean => plan.is === "whole" && plan.blockers.length === 0 && plan.totals.restored + plan.totals.removed > 0;
