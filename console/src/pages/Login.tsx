import { useEffect, useId, useRef, useState, type FormEvent } from "react";

import { Brand } from "../parts/Brand";
import { Settings } from "../parts/Settings";
import { begin, login, type Notice } from "../state/session";
import { useText } from "../text";

export function Login({ notice, busy }: { notice: Notice; busy: boolean }) {
  const { t } = useText();
  const [token, setToken] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const id = useId();

  useEffect(() => {
    document.title = `${t.login.title} – Sluss`;
  }, [t]);
  useEffect(() => {
    if (!busy) {
      input.current?.focus();
    }
  }, [busy, notice]);

  function submit(event: FormEvent) {
    event.preventDefault();
    void login(token.trim());
  }

  return (
    <main className="login">
      <div className="login-card">
        <Brand />
        <h1>{t.login.title}</h1>
        <NoticeText notice={notice} />
        <form onSubmit={submit}>
          <label htmlFor={id}>{t.login.token}</label>
          <input
            id={id}
            ref={input}
            type="password"
            autoComplete="off"
            spellCheck={false}
            required
            value={token}
            aria-describedby={`${id}-hint`}
            onChange={(event) => setToken(event.target.value)}
          />
          <p id={`${id}-hint`} className="hint">
            {t.login.hint}
          </p>
          <button type="submit" className="primary" disabled={busy || token.trim() === ""}>
            {busy ? t.login.busy : t.login.submit}
          </button>
        </form>
      </div>
      <Settings />
    </main>
  );
}

function NoticeText({ notice }: { notice: Notice }) {
  const { t } = useText();
  if (notice.why === "first") {
    return null;
  }
  const bad = notice.why !== "left";
  return (
    <div role={bad ? "alert" : "status"} className={bad ? "note note-bad" : "note"}>
      <p>{t.login.notice[notice.why]}</p>
      {notice.why === "forbidden" || notice.why === "unreachable" ? (
        <p lang="en" className="server-says">
          {notice.detail}
        </p>
      ) : null}
      {notice.why === "unreachable" ? (
        <button type="button" onClick={() => void begin()}>
          {t.link.tryNow}
        </button>
      ) : null}
    </div>
  );
}
