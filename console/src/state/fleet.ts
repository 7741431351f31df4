import type { FleetEvent, StoreSummary, Summary, Totals } from "../api/types";

/** What is known of every tenant. Never changed in place: a tenant whose summary is the same object has not changed. */
export interface FleetState {
  at: string;
  all_paused: boolean;
  tenants: ReadonlyMap<string, Summary>;
  stores: StoreSummary[];
  totals: Totals;
  /** Of all tenants together, one point an event; the oldest first. */
  rates: RatePoint[];
}

export interface RatePoint {
  at: number;
  documents: number;
  bytes: number;
}

/** Ten minutes of events. */
const MAX_RATES = 600;

export function wholeFleet(fleet: FleetEvent, before?: FleetState): FleetState {
  const tenants = new Map(fleet.tenants.map((tenant) => [tenant.tenant, tenant]));
  const { at, all_paused, stores = [], totals } = fleet;
  return { at, all_paused, tenants, stores, totals, rates: rated(before?.rates ?? [], at, tenants) };
}

export function changedFleet(before: FleetState, change: FleetEvent): FleetState {
  let tenants = before.tenants;
  if (change.tenants.length > 0 || change.removed.length > 0) {
    const next = new Map(before.tenants);
    for (const name of change.removed) {
      next.delete(name);
    }
    for (const tenant of change.tenants) {
      next.set(tenant.tenant, tenant);
    }
    tenants = next;
  }
  return {
    at: change.at,
    all_paused: change.all_paused,
    tenants,
    stores: change.stores ?? before.stores,
    totals: change.totals,
    rates: rated(before.rates, change.at, tenants),
  };
}

/** A flip is shown as soon as it is known, not only with the tenant's next figures. */
export function flippedFleet(before: FleetState, tenant: string, to: NonNullable<Summary["phase"]>): FleetState {
  const summary = before.tenants.get(tenant);
  if (summary === undefined || summary.phase === to) {
    return before;
  }
  return { ...before, tenants: new Map(before.tenants).set(tenant, { ...summary, phase: to }) };
}

function rated(rates: RatePoint[], at: string, tenants: ReadonlyMap<string, Summary>): RatePoint[] {
  const point = { at: Date.parse(at), documents: 0, bytes: 0 };
  for (const tenant of tenants.values()) {
    point.documents += tenant.documents_per_second;
    point.bytes += tenant.bytes_per_second;
  }
  return [...rates.slice(-(MAX_RATES - 1)), point];
}
