import { useEffect, useMemo, useRef, type MouseEvent } from "react";

import { calls } from "../api/calls";
import type { Client } from "../api/client";
import type { Me } from "../api/types";
import { Brand } from "../parts/Brand";
import { LinkBanner, LinkMark } from "../parts/LinkState";
import { Sayings } from "../parts/Sayings";
import { UserMenu } from "../parts/UserMenu";
import { hrefs, type Route } from "../state/address";
import { WhoContext } from "../state/context";
import { fleet, lastFlip, link, transfers } from "../state/live";
import { useResource } from "../state/resource";
import { beginsAt, useRoute } from "../state/route";
import { say } from "../state/say";
import { ofAllTenants } from "../state/session";
import { useStore } from "../state/store";
import { useText, type Catalogue } from "../text";
import { History } from "./History";
import { Installation } from "./Installation";
import { Overview } from "./Overview";
import { Problems } from "./Problems";
import { Tenant } from "./Tenant";
import { Transfers } from "./Transfers";

/** What is round every page. */
export function Shell({ me: first, client }: { me: Me; client: Client }) {
  const { t } = useText();
  // Behind a load balancer the server that is back may be another process.
  const me = useResource("me", (signal) => calls.me(client, signal)).data ?? first;
  const route = useRoute();
  const who = useMemo(() => ({ me, client }), [me, client]);
  const lost = useStore(link, (state) => state.is === "lost");
  useSaidFlips();

  return (
    <WhoContext value={who}>
      <a className="skip" href="#main" onClick={toMain}>
        {t.shell.skip}
      </a>
      <header className="top">
        <Brand />
        <Nav page={route.page} all={ofAllTenants(me)} />
        <LinkMark />
        <UserMenu />
      </header>
      <LinkBanner />
      <main id="main" tabIndex={-1} className={lost ? "page page-stale" : "page"}>
        <Heading route={route} me={me} />
        <PageOf route={route} />
      </main>
      <Sayings />
    </WhoContext>
  );
}

/** The address is the router's: a jump within the page must not change it. */
function toMain(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Nav({ page, all }: { page: Route["page"]; all: boolean }) {
  const { t, f } = useText();
  const inFlight = useStore(transfers, (state) => state.inFlight.size);
  const problems = useStore(fleet, (state) => state?.totals.problems ?? 0);
  const item = (here: boolean, href: string, text: string, count = 0, bad = false) => (
    <a href={href} aria-current={here ? "page" : undefined}>
      {text}
      {count > 0 ? <span className={bad ? "count count-bad" : "count"}>{f.number(count)}</span> : null}
    </a>
  );
  return (
    <nav aria-label={t.shell.pages}>
      {item(page === "overview" || page === "tenant" || page === "history", hrefs.overview, t.shell.overview)}
      {item(page === "transfers", hrefs.transfers(), t.shell.transfers, inFlight)}
      {item(page === "problems", hrefs.problems(), t.shell.problems, problems, true)}
      {all ? item(page === "installation", hrefs.installation, t.shell.installation) : null}
    </nav>
  );
}

function Heading({ route, me }: { route: Route; me: Me }) {
  const { t } = useText();
  const heading = useRef<HTMLHeadingElement>(null);
  const place = `${route.page}/${route.tenant}`;
  // Whoever comes from the login is told where that led; without one, the page begins at its top.
  const before = useRef(me.auth === "tokens" ? "" : place);
  const title = titleOf(route, t);

  useEffect(() => {
    document.title = `${title} – Sluss`;
  }, [title]);
  // Another page is told to screen readers by the focus on its heading; filters within a page are not another page.
  useEffect(() => {
    if (before.current !== place) {
      before.current = place;
      window.scrollTo(0, beginsAt());
      heading.current?.focus({ preventScroll: true });
    }
  }, [place]);

  return (
    <div className="heading">
      {route.tenant === "" ? null : <a href={hrefs.overview}>{t.shell.overview}</a>}
      {route.page === "history" ? <a href={hrefs.tenant(route.tenant)}>{route.tenant}</a> : null}
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
    </div>
  );
}

function titleOf({ page, tenant }: Route, t: Catalogue): string {
  switch (page) {
    case "tenant":
      return tenant;
    case "history":
      return t.history.heading(tenant);
    default:
      return t.shell.headings[page];
  }
}

function PageOf({ route }: { route: Route }) {
  const { t } = useText();
  switch (route.page) {
    case "overview":
      return <Overview parameters={route.parameters} />;
    case "tenant":
      return <Tenant key={route.tenant} tenant={route.tenant} />;
    case "history":
      return <History key={route.tenant} tenant={route.tenant} parameters={route.parameters} />;
    case "transfers":
      return <Transfers parameters={route.parameters} />;
    case "problems":
      return <Problems parameters={route.parameters} />;
    case "installation":
      return <Installation />;
    case "unknown":
      return (
        <p>
          {t.shell.unknown} <a href={hrefs.overview}>{t.shell.overview}</a>
        </p>
      );
  }
}

/** Whoever flips a tenant: everybody who looks is told. */
function useSaidFlips(): void {
  const { t } = useText();
  const flip = useStore(lastFlip, (state) => state);
  const said = useRef(flip);
  useEffect(() => {
    if (flip !== undefined && flip !== said.current) {
      said.current = flip;
      say(t.flip.happened(flip.tenant, t.phase.name[flip.from], t.phase.name[flip.to]));
    }
  }, [flip, t]);
}
