import { useEffect, useMemo } from "react";

import { Login } from "./pages/Login";
import { Shell } from "./pages/Shell";
import { preferences } from "./state/preferences";
import { session } from "./state/session";
import { useStore } from "./state/store";
import { TextContext, textOf } from "./text";

export function App() {
  const language = useStore(preferences, (state) => state.language);
  const theme = useStore(preferences, (state) => state.theme);
  const current = useStore(session, (state) => state);
  const text = useMemo(() => textOf(language, navigator.languages), [language]);

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  useEffect(() => {
    if (theme === "system") {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = theme;
    }
  }, [theme]);

  return (
    <TextContext value={text}>
      {current.is === "in" ? <Shell me={current.me} client={current.client} /> : null}
      {current.is === "out" ? <Login notice={current.notice} busy={current.busy} /> : null}
      {current.is === "checking" ? <p className="checking">{text.t.login.checking}</p> : null}
    </TextContext>
  );
}
