import { useWho } from "../state/context";
import { logout, ofAllTenants } from "../state/session";
import { useText } from "../text";
import { Settings } from "./Settings";

/** Who is logged in, with what reach, at which process; language, theme, and the way out. */
export function UserMenu() {
  const { t, f } = useText();
  const { me } = useWho();
  return (
    <details className="menu" onKeyDown={closeOnEscape}>
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

function closeOnEscape(event: React.KeyboardEvent<HTMLDetailsElement>): void {
  if (event.key === "Escape" && event.currentTarget.open) {
    event.currentTarget.open = false;
    event.currentTarget.querySelector("summary")?.focus();
  }
}
