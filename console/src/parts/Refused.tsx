/** That the server would not begin, and everything that speaks against it. */
export function Refused({ title, blockers }: { title: string; blockers: string[] }) {
  return (
    <div className="note note-bad" role="alert">
      <p>{title}</p>
      <ul lang="en">
        {blockers.map((blocker) => (
          <li key={blocker}>{blocker}</li>
        ))}
      </ul>
    </div>
  );
}
