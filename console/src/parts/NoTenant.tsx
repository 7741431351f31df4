import { hrefs } from "../state/address";
import { useText } from "../text";

/** In place of a page of a tenant that is not there, or that the token does not reach. */
export function NoTenant({ tenant }: { tenant: string }) {
  const { t } = useText();
  return (
    <p className="note note-bad">
      {t.tenant.unknown(tenant)} <a href={hrefs.overview}>{t.shell.overview}</a>
    </p>
  );
}
