import { prefer, preferences, type Theme } from "../state/preferences";
import { useStore } from "../state/store";
import { useText } from "../text";
import { LANGUAGES } from "../text/language";
import { Choice } from "./Fields";

const THEMES = ["system", "light", "dark"] as const satisfies readonly Theme[];

/** Each language is named in itself. */
const NAMES = { en: "English", sv: "Svenska" } as const;

export function Settings() {
  const { t } = useText();
  const { language, theme } = useStore(preferences, (state) => state);
  return (
    <div className="settings">
      <Choice label={t.settings.language} value={language} options={LANGUAGES.map((value) => ({ value, text: NAMES[value] }))} onChange={(to) => prefer({ language: to })} />
      <Choice label={t.settings.theme} value={theme} options={THEMES.map((value) => ({ value, text: t.settings.themes[value] }))} onChange={(to) => prefer({ theme: to })} />
    </div>
  );
}
