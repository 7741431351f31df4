import { useText } from "../text";

/** Tenants that a list of all could not ask, each with why. */
export function Unknown({ tenants }: { tenants: string[] }) {
  const { t } = useText();
  if (tenants.length === 0) {
    return null;
  }
  return (
    <div className="note note-warn">
      <p>{t.problems.unknown}</p>
      <ul lang="en">
        {tenants.map((tenant) => (
          <li key={tenant}>{tenant}</li>
        ))}
      </ul>
    </div>
  );
}
