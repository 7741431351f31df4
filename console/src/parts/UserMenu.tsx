import { useEffect, useRef, type RefObject } from "react";

import { useWho } from "../state/context";
import { logout, ofAllTenants } from "../state/session";
import { useText } from "../text";
import { Settings } from "./Settings";

/** Who is logged in, with what reach, at which process; language, theme, and the way out. */
export function UserMenu() {
  const { t, f } = useText();
  const { me } = useWho();
  const menu = useRef<HTMLDetailsElement>(null);
  useDismiss(menu);
  return (
    <details className="menu" ref={menu}>
      <summary>
        <span className="unseen">{t.shell.menu} </span>
        {me.name}
      </summary>
      <div className="menu-panel">
        <dl>
          <dt>{t.shell.reach}</dt>
          <dd>{ofAllTenants(me) ? t.shell.allTenants : t.shell.someTenants(f.number(me.tenants.length), me.tenants.slice(0, 5).join(", "))}</dd>
          <dt>{t.shell.process}</dt>
          <dd>{me.process}</dd>
          <dt>{t.shell.version}</dt>
          <dd>{me.version}</dd>
        </dl>
        <Settings />
        {me.auth === "tokens" ? (
          <button type="button" onClick={logout}>
            {t.shell.logout}
          </button>
        ) : (
          <p className="hint">{t.shell.noTokens}</p>
        )}
      </div>
    </details>
  );
}

/** Escape, and a click beside it, close the menu. */
function useDismiss(menu: RefObject<HTMLDetailsElement | null>): void {
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if (event.key === "Escape" && menu.current?.open) {
        menu.current.open = false;
        menu.current.querySelector("summary")?.focus();
      }
    }
    function onPointer(event: PointerEvent) {
      if (menu.current?.open && event.target instanceof Node && !menu.current.contains(event.target)) {
        menu.current.open = false;
      }
    }
    document.addEventListener("keydown", onKey);
    document.addEventListener("pointerdown", onPointer);
    return () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("pointerdown", onPointer);
    };
  }, [menu]);
}
