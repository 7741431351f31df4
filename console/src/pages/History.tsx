import { useEffect, useRef, useState } from "react";

import { Backups } from "../parts/Backups";
import { Drills } from "../parts/Drills";
import { Kept } from "../parts/Kept";
import { NoTenant } from "../parts/NoTenant";
import { ProblemList } from "../parts/Problems";
import { RestoreForm } from "../parts/RestoreForm";
import { Restores } from "../parts/Restores";
import { Versions } from "../parts/Versions";
import { draftTo, NO_DRAFT, wishOf, type Draft } from "../state/draft";
import { fleet } from "../state/live";
import { useStore } from "../state/store";
import { usePlan } from "../state/usePlan";
import { useText } from "../text";

interface Props {
  tenant: string;
  parameters: URLSearchParams;
}

/** What a tenant's documents were: what is kept of it, the ways back to it, and the copies elsewhere. */
export function History({ tenant, parameters }: Props) {
  const { t } = useText();
  const known = useStore(fleet, (state) => state !== undefined);
  const summary = useStore(fleet, (state) => state?.tenants.get(tenant));
  const [draft, setDraft] = useState<Draft>(NO_DRAFT);
  const [begun, setBegun] = useState(0);
  const planning = usePlan();
  const form = useRef<HTMLHeadingElement>(null);
  const list = useRef<HTMLHeadingElement>(null);

  // What was asked for has left the form, and the focus with it: it goes on where it is under way.
  useEffect(() => {
    if (begun > 0) {
      list.current?.focus();
    }
  }, [begun]);

  function edit(next: Draft) {
    setDraft(next);
    planning.drop();
  }

  /** From the lists below: their instant is in the form, and planned. */
  function goBack(at: string, document: string | undefined) {
    const next = draftTo(draft, at, document);
    const wish = wishOf(tenant, next);
    setDraft(next);
    if (wish !== undefined) {
      planning.begin(wish);
    }
    form.current?.focus();
  }

  function ended() {
    planning.drop();
    setBegun(begun + 1);
  }

  if (!known) {
    return <p className="loading">{t.common.loading}</p>;
  }
  if (summary === undefined) {
    return <NoTenant tenant={tenant} />;
  }
  // Then all of it would be asked for in vain, and each part would say the same.
  const away = summary.problems.filter((problem) => problem.kind === "database");
  if (away.length > 0) {
    return <ProblemList problems={away} />;
  }
  return (
    <>
      <Kept tenant={tenant} />
      <RestoreForm tenant={tenant} heading={form} draft={draft} planning={planning} onEdit={edit} onBegun={ended} />
      <Restores tenant={tenant} heading={list} summary={summary} onUndo={goBack} />
      <Versions tenant={tenant} document={parameters.get("document") ?? ""} onRestore={goBack} />
      <Backups tenant={tenant} />
      <Drills tenant={tenant} />
    </>
  );
}
